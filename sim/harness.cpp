// Runs images through a Verilated accelerator and records all that leaves it.
//
// usage: harness CONFIG PIXELS OUT PIXELS_PER_IMAGE IMAGES STALL SEED PIXEL_BITS MOST [RATE]
//
// CONFIG holds records of (space u16, index u16, data u16), PIXELS the pixels (u16,
// of PIXEL_BITS bits) of all images in order.
// STALL is the chance in 1/256 that an input idles or an output stalls in a cycle. OUT receives
// records of four u32: kind, number, address, value. Kinds: below 64 the code of a stream of results
// (hw.interface.Output; of a count, number 1 is the last), then stored train, cycles of an image, and cycles
// of an image's pass (number, 0 the input) that were spent on one cause (address,
// hw.engine.profiler.StallReason). streams.h has STREAM(port, code) for each stream but the counts. A record of CONFIG with space 0xffff holds
// back those after it until index << 16 | data images are done. One line "IMAGE n" goes to stdout after each.
//
// Where weights are streamed, the file "weights" holds the words of an image (u16): the first comes LATENCY cycles
// after they are asked for, another one at the earliest RATE + 1 cycles after one was taken, as from a flash.
//
// An image may take MOST cycles from the one before it or from its last configuration write, those in which
// an input is held back or an output not taken left aside. Then "no end IMAGE PASS CYCLES" goes to stderr
// (hw.engine.profiler: pass 0 is the input). Exit code 3: no end; 4: too much came; 5: OUT cannot be written.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>
#include "Vdut.h"
#include "verilated.h"
#ifdef COVERAGE
#include "verilated_cov.h"
#endif
#ifdef TRACE
#include TRACE      // verilated_vcd_c.h or verilated_fst_c.h
#endif

// Verilator spells the two underscores of an Amaranth stream's port like this.
#define PORT(stream, part) dut.stream##___05F##part

enum { COUNTS = 3, TRAIN = 64, CYCLES, CAUSE };  // sim.rtl
enum { CAUSE_BITS = 4, CAUSES = 1 << CAUSE_BITS };  // hw.engine.profiler.activity_layout
enum { LATENCY = 56 };  // cycles of rest, command and address of boards.link.flash_reader

double sc_time_stamp() { return 0; }

static std::vector<uint8_t> slurp(const char *path) {
    std::vector<uint8_t> bytes;
    FILE *file = fopen(path, "rb");
    if (!file) { perror(path); exit(2); }
    fseek(file, 0, SEEK_END);
    bytes.resize(ftell(file));
    rewind(file);
    if (fread(bytes.data(), 1, bytes.size(), file) != bytes.size()) { perror(path); exit(2); }
    fclose(file);
    return bytes;
}

static uint32_t rng;
static uint32_t draw() { rng ^= rng << 13; rng ^= rng >> 17; rng ^= rng << 5; return rng; }

int main(int argc, char **argv) {
    if (argc != 10 && argc != 11) { fprintf(stderr, "usage: see source\n"); return 2; }
    std::vector<uint8_t> config = slurp(argv[1]), pixels = slurp(argv[2]);
    FILE *out = fopen(argv[3], "wb");
    const size_t per_image = atol(argv[4]), images = atol(argv[5]);
    const uint32_t stall = atoi(argv[6]);
    const int pixel_bits = atoi(argv[8]);
    const uint64_t most = strtoull(argv[9], nullptr, 10);
    if (!out) { perror(argv[3]); return 5; }
    rng = atoi(argv[7]) * 2654435761u + 1;

    Vdut dut;
#ifdef MUTANTS
    // Which of many damaged designs this is (tests.mutation); 0 is the design itself.
    dut.mutsel = getenv("MUTANT") ? atoi(getenv("MUTANT")) : 0;
#endif
#ifdef UPSETS
    std::vector<uint8_t> flips;
    size_t flipped = 0;
    if (FILE *there = fopen("flips", "rb")) { fclose(there); flips = slurp("flips"); }
#endif
    const uint64_t patience = getenv("PATIENCE") ? atoll(getenv("PATIENCE")) : 2000000;
    const uint64_t limit = getenv("LIMIT") ? atoll(getenv("LIMIT")) : 1000 * patience;
    uint64_t now = 0, begun = 0, idle = 0, taken = 0;  // taken: of MOST
#ifdef TRACE
    Verilated::traceEverOn(true);
    TRACER tracer;
    dut.trace(&tracer, 99);
    tracer.open(getenv("TRACE_FILE"));
    if (!tracer.isOpen()) { perror("waveform"); return 5; }
#endif
    // Half a cycle: one unit of time of a waveform.
    auto see = [&](uint64_t half) {
#ifdef TRACE
        tracer.dump(half);
#endif
        (void)half;
    };
    static uint32_t spent[256][CAUSES];
    auto record = [&](uint32_t kind, uint32_t number, uint32_t address, uint32_t value) {
        uint32_t words[4] = {kind, number, address, value};
        fwrite(words, sizeof words, 1, out);
    };
    auto go = [&] { return (draw() & 255) >= stall; };

#ifdef MUTANTS
    // What a reset must undo: two images on weights not yet written, the second unfinished.
    for (size_t n = 0, at = 0; n < 3000 && at < 2 * per_image; n++) {
        PORT(i_pixels, payload) = (pixels[2 * (at % per_image)] | (at % per_image == 0) << pixel_bits);
        PORT(i_pixels, valid) = n % 3 > 0;
#define STREAM(name, code) PORT(name, ready) = n < 2000;
#include "streams.h"
#undef STREAM
        PORT(o_counts, ready) = n < 2000;
        dut.clk = 0; dut.eval();
        at += PORT(i_pixels, valid) && PORT(i_pixels, ready);
        dut.clk = 1; dut.eval();
    }
    PORT(i_pixels, valid) = 0;
#endif
    dut.rst = 1;
    for (int n = 0; n < 4; n++) { dut.clk = 0; dut.eval(); dut.clk = 1; dut.eval(); }
    dut.rst = 0;

#ifdef WEIGHTS
    std::vector<uint8_t> weights = slurp("weights");
    const uint64_t rate = argc > 10 ? atol(argv[10]) : 0;
    uint64_t word = 0, due = 0;                        // next word; when it may come
    bool asked = false, offer_word = false;
#endif
    size_t configured = 0, sent = 0, done = 0;
    const size_t records = config.size() / 6, total = per_image * images;
    bool offer_config = false, offer_pixel = false;
    while (done < images) {
        size_t sendable = images;  // whose configuration is complete
        for (; configured < records; configured++) {
            const uint16_t *r = (const uint16_t *)&config[6 * configured];
            const size_t until = (size_t)r[1] << 16 | r[2];
            if (r[0] != 0xffff) break;
            if (until > done) { sendable = until; break; }
        }
        const bool configuring = configured < records && sendable == images;
        // A word once offered stays.
        offer_config = configuring && (offer_config || go());
        offer_pixel = !configuring && sent < total && sent < sendable * per_image && (offer_pixel || go());
        if (offer_config) {
            const uint16_t *r = (const uint16_t *)&config[6 * configured];
            PORT(i_config, payload) = (uint64_t)r[2] | (uint64_t)r[1] << DATA_BITS
                | (uint64_t)r[0] << (DATA_BITS + INDEX_BITS);
        }
        if (offer_pixel)
            PORT(i_pixels, payload) = (pixels[2 * sent] | pixels[2 * sent + 1] << 8) | (sent % per_image == 0) << pixel_bits;
        PORT(i_config, valid) = offer_config;
        PORT(i_pixels, valid) = offer_pixel;
#ifdef WEIGHTS
        if (!asked) { word = 0; offer_word = false; due = now + LATENCY; }
        else if (now >= due && word < weights.size() / 2) offer_word = offer_word || go();
        PORT(i_weights, valid) = offer_word;
        if (offer_word) PORT(i_weights, payload) = weights[2 * word] | weights[2 * word + 1] << 8;
#endif
#define STREAM(name, code) PORT(name, ready) = go();
#include "streams.h"
#undef STREAM
        PORT(o_counts, ready) = go();
#ifdef UPSETS
        // The bit of a register that is turned over in this cycle (sim.upsets), one an image.
        dut.upset = 0;
        if (flipped < flips.size() / 16) {
            const uint32_t *f = (const uint32_t *)&flips[16 * flipped];
            if (f[0] < done) flipped++;                        // the image was shorter
            else if (f[0] == done && begun && now + 1 - begun == f[1]) {
                dut.upset = f[2]; dut.upset_bit = f[3];
                flipped++;
            }
        }
#endif
        dut.clk = 0;
        dut.eval();

        bool moved = false;
        bool stalled = (configuring && !offer_config) || (!configuring && sent < total && sent < sendable * per_image && !offer_pixel);
        stalled |= PORT(o_counts, valid) && !PORT(o_counts, ready);
#define STREAM(name, code) stalled |= PORT(name, valid) && !PORT(name, ready);
#include "streams.h"
#undef STREAM
#ifdef WEIGHTS
        stalled |= asked && now >= due && word < weights.size() / 2 && !offer_word;
#endif
        taken += !stalled;
        if (offer_config && PORT(i_config, ready)) { configured++; offer_config = false; moved = true; taken = 0; }
        if (offer_pixel && PORT(i_pixels, ready)) { sent++; offer_pixel = false; moved = true; }
        if (PORT(i_pixels, valid) && sent % per_image <= 1 && sent == done * per_image + moved
            && begun == 0) begun = now + 1;
#define STREAM(name, code) \
        if (PORT(name, valid) && PORT(name, ready)) { record(code, 0, 0, PORT(name, payload)); moved = true; }
#include "streams.h"
#undef STREAM
#ifdef WEIGHTS
        if (offer_word && PORT(i_weights, ready)) { offer_word = false; word++; due = now + rate + 1; moved = true; }
        asked = dut.weights_read;
#endif
        if (begun) spent[dut.activity >> CAUSE_BITS & 255][dut.activity & CAUSES - 1]++;
        uint64_t train = dut.monitor;
        if (train & 1) {
            // Not the trains of a pooling, which have no layer of their own.
            if (!(train & 2)) record(TRAIN, train >> 34, train >> 2 & 0xffff, train >> 18 & 0xffff);
            moved = true;
        }
        if (PORT(o_counts, valid) && PORT(o_counts, ready)) {
            const bool last = (uint64_t)PORT(o_counts, payload) >> COUNT_BITS & 1;
            record(COUNTS, last, 0, PORT(o_counts, payload) & ((1ull << COUNT_BITS) - 1));
            moved = true;
            if (last) {
                record(CYCLES, 0, 0, (uint32_t)(now + 1 - begun + 1));
                for (int pass = 0; pass < 256; pass++)
                    for (int cause = 0; cause < CAUSES; cause++)
                        if (spent[pass][cause]) record(CAUSE, pass, cause, spent[pass][cause]);
                memset(spent, 0, sizeof spent);
                begun = 0;
                done++;
                taken = 0;
                if (fflush(out)) { perror("results"); return 5; }
                printf("IMAGE %zu\n", done);
                fflush(stdout);
            }
        }
        idle = moved ? 0 : idle + 1;
        if (taken > most) {
            fprintf(stderr, "no end %zu %d %llu\n", done, dut.activity >> CAUSE_BITS & 255, (unsigned long long)taken);
            return 3;
        }
        if (now > limit) { fprintf(stderr, "no end\n"); return 3; }
        if (idle > patience) { fprintf(stderr, "nothing moves at cycle %llu\n", (unsigned long long)now); return 3; }
        see(2 * now);
        dut.clk = 1;
        dut.eval();
        see(2 * now + 1);
        now++;
    }
    // Nothing more may come out.
    for (int n = 0; n < 1000; n++) {
        PORT(i_pixels, valid) = PORT(i_config, valid) = 0;
        dut.clk = 0; dut.eval();
        bool more = PORT(o_counts, valid);
#define STREAM(name, code) more |= PORT(name, valid);
#include "streams.h"
#undef STREAM
        if (more) {
            fprintf(stderr, "output after the last image\n");
            return 4;
        }
        dut.clk = 1; dut.eval();
    }
#ifdef TRACE
    tracer.close();
#endif
    if (fclose(out)) { perror("results"); return 5; }
#ifdef COVERAGE
    Verilated::threadContextp()->coveragep()->write(getenv("COVERAGE_FILE"));
#endif
    return 0;
}
