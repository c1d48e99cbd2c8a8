// One layer of leaky integrate-and-fire neurons over all its time steps, forward and backward.
//
//   u[t] = u[t-1] - floor(u[t-1] leak) + gain I[t] - theta s[t-1],   s[t] = u[t] > theta
//
// Arrays are (steps, count), time outermost. The sums are exact integers in float below 2**24.
// Built and called by train/core/lif.py; the arguments are described there.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

struct bf16 {
    uint16_t bits;
    operator float() const {
        uint32_t wide = uint32_t(bits) << 16;
        float value;
        memcpy(&value, &wide, 4);
        return value;
    }
    bf16 &operator=(float value) {
        uint32_t wide;
        memcpy(&wide, &value, 4);
        bits = (wide + 0x7fff + ((wide >> 16) & 1)) >> 16;
        return *this;
    }
};

constexpr int block = 64, most = 64;  // neurons worked on at once; time steps at most

template <typename Real>
static void membrane(const Real *__restrict current, int64_t count, int size, int steps,
                             float leak, float gain, float theta, float (*__restrict u)[block]) {
    float last[block] = {0};
    for (int t = 0; t < steps; t++) {
        const Real *now = current + t * count;
        #pragma omp simd
        for (int n = 0; n < size; n++) {
            float v = last[n], reset = v > theta ? theta : 0.f;
            v = v - std::floor(v * leak) + gain * float(now[n]) - reset;
            last[n] = v;
            u[t][n] = v;
        }
    }
}

template <typename Real>
static void fire(Real *__restrict spikes, int64_t count, int size, int steps, float theta,
                         float (*__restrict u)[block]) {
    for (int t = 0; t < steps; t++) {
        Real *now = spikes + t * count;
        #pragma omp simd
        for (int n = 0; n < size; n++)
            now[n] = u[t][n] > theta ? 1.f : 0.f;
    }
}

template <bool tent, typename Real>
static void blame(const Real *__restrict g_spikes, Real *__restrict g_current,
                          int64_t count, int size, int steps, float leak, float gain, float theta,
                          float slope, float price, float (*__restrict u)[block]) {
    float peak[block], g_u[block] = {0};
    for (int n = 0; n < block; n++)
        peak[n] = theta;
    for (int t = 0; t < steps; t++)
        #pragma omp simd
        for (int n = 0; n < size; n++)
            peak[n] = u[t][n] > peak[n] ? u[t][n] : peak[n];
    for (int t = steps - 1; t >= 0; t--) {
        const Real *given = g_spikes + t * count;
        Real *now = g_current + t * count;
        #pragma omp simd
        for (int n = 0; n < size; n++) {
            float v = u[t][n], x = (v / theta - 1.f) * slope;
            bool top = v == peak[n] && v > theta;  // what keeps the train from being silent
            float g = float(given[n]) + (top ? price : 0.f);
            float share = tent ? std::max(0.f, 1.f - std::fabs(x)) : 1.f / (1.f + x * x);
            g_u[n] = g * share / theta + (1.f - leak) * g_u[n];
            now[n] = gain * g_u[n];
        }
    }
}

template <typename Real>
static void forward(const Real *current, Real *spikes, int64_t count, int steps,
                    float leak, float gain, float theta) {
    float u[most][block];
    for (int64_t at = 0; at < count; at += block) {
        int size = count - at < block ? count - at : block;
        membrane(current + at, count, size, steps, leak, gain, theta, u);
        fire(spikes + at, count, size, steps, theta, u);
    }
}

template <typename Real>
static void backward(const Real *current, const Real *g_spikes, Real *g_current, int64_t count,
                     int steps, float leak, float gain, float theta, float slope, float price,
                     float tent) {
    float u[most][block];
    for (int64_t at = 0; at < count; at += block) {
        int size = count - at < block ? count - at : block;
        membrane(current + at, count, size, steps, leak, gain, theta, u);
        (tent ? blame<true, Real> : blame<false, Real>)(
            g_spikes + at, g_current + at, count, size, steps, leak, gain, theta, slope, price, u);
    }
}

// Gradient of the input of a 3 x 3 convolution of stride 2 and padding 1, channels last. oneDNN has
// no fast kernel for few channels: this takes a fifth of its time. ``weights`` is (outputs, 9,
// inputs); ``inputs`` a multiple of ``lanes``.
constexpr int lanes = 8;

extern "C" void strided_bf16(const bf16 *g_output, const float *weights, bf16 *g_input,
                             int images, int side, int outputs, int inputs) {
    int wide = (side + 1) / 2, edge = side + 2;
    std::vector<float> padded(edge * (edge + 1) * inputs);
    for (int image = 0; image < images; image++) {
        const bf16 *g = g_output + int64_t(image) * wide * wide * outputs;
        std::fill(padded.begin(), padded.end(), 0.f);
        for (int y = 0; y < wide; y++)
            for (int x = 0; x < wide; x++, g += outputs)
                for (int at = 0; at < inputs; at += lanes) {
                    float sum[9][lanes] = {{0}};
                    for (int o = 0; o < outputs; o++) {
                        float value = g[o];
                        const float *taps = weights + o * 9 * inputs + at;
                        #pragma GCC unroll 9
                        for (int tap = 0; tap < 9; tap++)
                            #pragma omp simd
                            for (int n = 0; n < lanes; n++)
                                sum[tap][n] += value * taps[tap * inputs + n];
                    }
                    for (int tap = 0; tap < 9; tap++) {
                        float *into = &padded[((2 * y + tap / 3) * edge + 2 * x + tap % 3)
                                              * inputs + at];
                        #pragma omp simd
                        for (int n = 0; n < lanes; n++)
                            into[n] += sum[tap][n];
                    }
                }
        for (int y = 0; y < side; y++) {
            const float *from = &padded[((y + 1) * edge + 1) * inputs];
            bf16 *into = g_input + (int64_t(image) * side + y) * side * inputs;
            #pragma omp simd
            for (int n = 0; n < side * inputs; n++)
                into[n] = from[n];
        }
    }
}

#define EXPORT(NAME, REAL)                                                                        \
    extern "C" void forward_##NAME(const REAL *current, REAL *spikes, int64_t count, int steps,   \
                                   float leak, float gain, float theta) {                         \
        forward(current, spikes, count, steps, leak, gain, theta);                                \
    }                                                                                             \
    extern "C" void backward_##NAME(const REAL *current, const REAL *g_spikes, REAL *g_current,   \
                                    int64_t count, int steps, float leak, float gain,             \
                                    float theta, float slope, float price, float tent) {          \
        backward(current, g_spikes, g_current, count, steps, leak, gain, theta, slope, price,     \
                 tent);                                                                           \
    }

EXPORT(float, float)
EXPORT(bf16, bf16)
