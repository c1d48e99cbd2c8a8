// Stages of a network on spike trains, and their activation maps, in whole numbers.
//
// A train is a word of up to 64 steps, the first step lowest. Trains of a map lie as [pixel][channel].
// Every function equals the NumPy model in every bit; golden/kernel/__init__.py states when it may be called.

#include <cstdint>
#include <cstring>
#include <vector>

typedef uint64_t Train;

namespace {

// In the order of golden.neurons.lif.RESETS.
enum Reset { SUBTRACT, SUBTRACT_LEAKED, ZERO, NONE };

// Adds ``width`` numbers; COLUMNS as in gather.
template <typename Sum, int COLUMNS>
inline void add(Sum *__restrict to, const Sum *__restrict row, int width) {
    if (COLUMNS) {
        constexpr int BYTES = COLUMNS * sizeof(Sum) < 32 ? COLUMNS * sizeof(Sum) : 32;
        typedef Sum Vector
            __attribute__((vector_size(BYTES ? BYTES : 16), aligned(sizeof(Sum)), may_alias));
        for (int n = 0; n < (int)(COLUMNS * sizeof(Sum) / (BYTES ? BYTES : 16)); n++)
            ((Vector *)to)[n] += ((const Vector *)row)[n];
    } else {
        for (int o = 0; o < width; o++) to[o] += row[o];
    }
}

// The sums of all steps, [step][column], of one output pixel; false where no train has a spike.
// COLUMNS is their number where all channels are one group, so that a row is a few vectors; else 0.
template <typename Sum, int COLUMNS>
bool gather(const Train *trains, int channels, const int32_t *places, int count, const Sum *weights,
            int groups, int any_columns, Sum *sums, int steps) {
    const int columns = COLUMNS ? COLUMNS : any_columns;
    const int width = COLUMNS ? COLUMNS : columns / groups, share = channels / groups;
    std::memset(sums, 0, sizeof(Sum) * steps * columns);
    bool some = false;
    for (int n = 0; n < count; n++) {
        const Train *read = trains + (int64_t)places[2 * n] * channels;
        const Sum *rows = weights + (int64_t)places[2 * n + 1] * channels * width;
        for (int c = 0; c < channels; c++) {
            Train left = read[c];
            if (!left) continue;
            some = true;
            const Sum *__restrict row = rows + (int64_t)c * width;
            Sum *at = sums + (COLUMNS || groups == 1 ? 0 : c / share * width);
            for (; left; left &= left - 1) {
                Sum *__restrict to = at + __builtin_ctzll(left) * columns;
                add<Sum, COLUMNS>(to, row, width);
            }
        }
    }
    return some;
}

template <typename Sum>
struct Neurons {
    int any_columns, steps, frac, shift;
    const int32_t *limit, *threshold, *leak, *v_reset, *bias, *gain, *offset;
    std::vector<int32_t> membrane, fired;
    std::vector<uint32_t> early, late;      // steps of a train: the first 32, and the others

    template <int RESET, int COLUMNS>
    void run(const Sum *sums, int delay, Train *trains, int channels, int32_t *membranes,
             int64_t next) {
        const int columns = COLUMNS ? COLUMNS : any_columns;
        int32_t *__restrict u = membrane.data(), *__restrict f = fired.data();
        std::memset(u, 0, 4 * columns);
        std::memset(f, 0, 4 * columns);
        std::memset(early.data(), 0, 4 * columns);
        std::memset(late.data(), 0, 4 * columns);
        for (int t = 0; t < steps; t++, sums += columns) {
            const int at = t + delay;
            const uint32_t bit = at < steps ? (uint32_t)1 << (at & 31) : 0;
            uint32_t *__restrict word = at < 32 ? early.data() : late.data();
            const int32_t *g = gain ? gain + t * columns : 0, *b = gain ? offset + t * columns : bias;
            // No two of the arrays overlap.
#pragma GCC ivdep
            for (int o = 0; o < columns; o++) {
                int32_t x = sums[o];
                x = g ? ((x * g[o]) >> shift) + b[o] : (int32_t)((uint32_t)x << frac) + b[o];
                int32_t v = u[o];
                if (RESET == SUBTRACT_LEAKED) v -= f[o] & threshold[o];
                if (RESET == ZERO) v = f[o] ? v_reset[o] : v;
                v -= (v * leak[o]) >> 16;
                if (RESET == SUBTRACT) v -= f[o] & threshold[o];
                v += x;
                u[o] = v;
                if (RESET == NONE) continue;
                f[o] = -(v > limit[o]);
                word[o] |= f[o] & bit;
            }
            if (RESET == NONE)
                for (int o = 0; o < channels; o++) membranes[t * next + o] = u[o];
        }
        for (int o = 0; o < channels; o++) trains[o] = (Train)late[o] << 32 | early[o];
    }
};

}  // namespace

// What a stage is: see Stage of golden/kernel/__init__.py.
struct Stage {
    int32_t steps, source_channels, groups, channels, columns, pixels;
    int32_t frac, shift, reset, delay, silent;
    const int32_t *starts, *places;      // [pixels + 1], [.][2]: (pixel read, place of the weights)
    const void *weights;                 // [place][source channel][columns / groups]
    // A membrane above the limit spikes: the threshold, or one less where being at it is enough.
    const int32_t *limit, *threshold, *leak, *v_reset, *bias, *gain, *offset;
};

namespace {

template <typename Sum, int COLUMNS, int RESET>
void each_pixel(const Stage &s, const Train *in, int64_t in_size, int64_t images, Train *out,
                int32_t *membranes) {
    std::vector<Sum> sums((size_t)s.steps * s.columns);
    Neurons<Sum> neurons{s.columns, s.steps, s.frac, s.shift, s.limit, s.threshold,
                         s.leak, s.v_reset, s.bias, s.gain, s.offset,
                         std::vector<int32_t>(s.columns), std::vector<int32_t>(s.columns),
                         std::vector<uint32_t>(s.columns), std::vector<uint32_t>(s.columns)};
    const int64_t next = (int64_t)s.pixels * s.channels;
    for (int64_t n = 0; n < images; n++, in += in_size)
        for (int p = 0; p < s.pixels; p++, out += s.channels) {
            const int from = s.starts[p], count = s.starts[p + 1] - from;
            const bool some = gather<Sum, COLUMNS>(
                in, s.source_channels, s.places + 2 * from, count, (const Sum *)s.weights,
                s.groups, s.columns, sums.data(), s.steps);
            if (!some && s.silent) std::memset(out, 0, sizeof(Train) * s.channels);
            else neurons.template run<RESET, COLUMNS>(
                sums.data(), s.delay, out, s.channels,
                membranes + (n * s.steps * s.pixels + p) * (int64_t)s.channels, next);
        }
}

template <typename Sum, int COLUMNS>
void by_reset(const Stage &s, const Train *in, int64_t in_size, int64_t images, Train *out,
              int32_t *membranes) {
    auto call = s.reset == SUBTRACT ? each_pixel<Sum, COLUMNS, SUBTRACT>
        : s.reset == SUBTRACT_LEAKED ? each_pixel<Sum, COLUMNS, SUBTRACT_LEAKED>
        : s.reset == ZERO ? each_pixel<Sum, COLUMNS, ZERO> : each_pixel<Sum, COLUMNS, NONE>;
    call(s, in, in_size, images, out, membranes);
}

template <typename Sum>
void stage(const Stage &s, const Train *in, int64_t in_size, int64_t images, Train *out,
           int32_t *membranes) {
    const int columns = s.groups == 1 ? s.columns : 0;
    auto call = columns == 8 ? by_reset<Sum, 8> : columns == 16 ? by_reset<Sum, 16>
        : columns == 32 ? by_reset<Sum, 32> : columns == 64 ? by_reset<Sum, 64> : by_reset<Sum, 0>;
    call(s, in, in_size, images, out, membranes);
}

template <typename Spike>
void spread(const Train *in, int64_t images, int steps, int channels, int pixels, Spike *out) {
    std::vector<Train> map(pixels);
    for (int64_t n = 0; n < images; n++, in += (int64_t)pixels * channels)
        for (int c = 0; c < channels; c++) {
            for (int p = 0; p < pixels; p++) map[p] = in[(int64_t)p * channels + c];
            for (int t = 0; t < steps; t++) {
                Spike *to = out + ((n * steps + t) * channels + c) * (int64_t)pixels;
                for (int p = 0; p < pixels; p++) to[p] = map[p] >> t & 1;
            }
        }
}

}  // namespace

extern "C" {

void stage16(const Stage *s, const Train *in, int64_t in_size, int64_t images, Train *out,
             int32_t *membranes) {
    stage<int16_t>(*s, in, in_size, images, out, membranes);
}

void stage32(const Stage *s, const Train *in, int64_t in_size, int64_t images, Train *out,
             int32_t *membranes) {
    stage<int32_t>(*s, in, in_size, images, out, membranes);
}

// Trains of an image (C, H, W) whose pixel p spikes where random < p; ``random`` is [pixel][channel][step].
void encode(const uint8_t *images, int64_t count, int channels, int pixels, int steps,
            const uint8_t *random, Train *out) {
    for (int64_t n = 0; n < count; n++, images += (int64_t)channels * pixels)
        for (int p = 0; p < pixels; p++)
            for (int c = 0; c < channels; c++) {
                const uint8_t level = images[(int64_t)c * pixels + p];
                const uint8_t *drawn = random + ((int64_t)p * channels + c) * steps;
                Train train = 0;
                if (level)
                    for (int t = 0; t < steps; t++) train |= (Train)(drawn[t] < level) << t;
                *out++ = train;
            }
}

// Trains of spikes (N, T, C, P) of 0 and 1.
void pack(const uint8_t *in, int64_t images, int steps, int channels, int pixels, Train *out) {
    const int64_t size = (int64_t)channels * pixels;
    std::memset(out, 0, sizeof(Train) * images * size);
    for (int64_t n = 0; n < images; n++, out += size)
        for (int t = 0; t < steps; t++)
            for (int c = 0; c < channels; c++)
                for (int p = 0; p < pixels; p++) out[(int64_t)p * channels + c] |= (Train)*in++ << t;
}

// Spikes (N, T, C, P) of 0 and 1, of 8 and of 16 bits.
void spread8(const Train *in, int64_t images, int steps, int channels, int pixels, uint8_t *out) {
    spread<uint8_t>(in, images, steps, channels, pixels, out);
}

void spread16(const Train *in, int64_t images, int steps, int channels, int pixels, int16_t *out) {
    spread<int16_t>(in, images, steps, channels, pixels, out);
}

// The OR of the trains that a window reads, window by window, in each channel.
void either(const Train *in, int64_t in_size, int64_t images, int channels, int pixels,
            const int32_t *starts, const int32_t *places, Train *out) {
    for (int64_t n = 0; n < images; n++, in += in_size)
        for (int p = 0; p < pixels; p++, out += channels) {
            std::memset(out, 0, sizeof(Train) * channels);
            for (int k = starts[p]; k < starts[p + 1]; k++)
                for (int c = 0; c < channels; c++) out[c] |= in[(int64_t)places[2 * k] * channels + c];
        }
}

// Spikes of each image.
void count(const Train *in, int64_t size, int64_t images, int64_t *out) {
    for (int64_t n = 0; n < images; n++, in += size) {
        int64_t found = 0;
        for (int64_t k = 0; k < size; k++) found += __builtin_popcountll(in[k]);
        out[n] = found;
    }
}

// Maps (N, T, P) of golden.sam: mode 0 "paper", 1 "inclusive", 2 "official"; table in 2**-15.
void sam(const Train *in, int64_t images, int steps, int channels, int pixels, const int64_t *table,
         int mode, int64_t top, int64_t *out) {
    std::vector<int64_t> sums(steps);
    for (int64_t n = 0; n < images; n++, out += (int64_t)steps * pixels)
        for (int p = 0; p < pixels; p++, in += channels) {
            std::memset(sums.data(), 0, 8 * steps);
            for (int c = 0; c < channels; c++) {
                Train left = in[c];
                int64_t score = 0;
                int last = -1, earlier = 0;
                for (; left; left &= left - 1, earlier++) {
                    const int t = __builtin_ctzll(left);
                    score = last < 0 ? 256 : 256 + ((table[t - last] * score + (1 << 14)) >> 15);
                    last = t;
                    sums[t] += score;
                    if (mode == 0) sums[t] -= 256;
                    if (mode == 2) sums[t] += ((t - earlier) * table[t] + (1 << 6)) >> 7;
                }
            }
            for (int t = 0; t < steps; t++)
                out[(int64_t)t * pixels + p] = sums[t] < top ? sums[t] : top;
        }
}

}  // extern "C"
