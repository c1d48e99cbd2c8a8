// Walks through every state that a Verilated accelerator can come to, whatever its environment does.
//
// usage: reach CONFIG PIXELS WANTED PIXELS_PER_IMAGE IMAGES PIXEL_BITS MAPS SCORES COUNTS MOST
//
// CONFIG and PIXELS are those of sim/harness.cpp; WANTED has for each image its MAPS, SCORES and
// COUNTS words (u32), of which the last stands for the cycles and is all ones. From the state
// after configuration, everything that may happen in a cycle is tried in every state: any image
// begins, or none; a word of it is offered, or not yet (once offered it stays); each output is taken,
// or not. Every word that leaves must be the one wanted, and from every state the image under way
// must end once nothing stalls. Fails after MOST states. Prints: states, steps between them, the
// most cycles to the end of an image, pairs of images one behind the other.
//
// A state is the whole model, all memories included, and what the environment owes and is owed.
// States are told apart by 128 bits of a hash.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <set>
#include <unordered_set>
#include <vector>
#include "Vdut.h"
#include "Vdut___024root.h"
#include "verilated.h"

#define PORT(stream, part) dut.stream##___05F##part

double sc_time_stamp() { return 0; }

template <typename Word> static std::vector<Word> slurp(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) { perror(path); exit(2); }
    fseek(file, 0, SEEK_END);
    std::vector<Word> words(ftell(file) / sizeof(Word));
    rewind(file);
    if (fread(words.data(), sizeof(Word), words.size(), file) != words.size()) { perror(path); exit(2); }
    fclose(file);
    return words;
}

// What the environment knows: the image whose words are awaited and the one that is sent, -1 none.
struct World {
    int32_t running = -1, sending = -1;
    uint32_t sent = 0, offered = 0;
    uint32_t taken[3] = {0, 0, 0};                     // of maps, scores, counts
};

struct Key {
    uint64_t low, high;
    bool operator==(const Key &other) const { return low == other.low && high == other.high; }
};
struct KeyHash { size_t operator()(const Key &key) const { return key.low; } };

struct State {
    std::vector<uint8_t> model;
    World world;
    int last = -1;                                     // the image that ended before
};

static Vdut dut;
static std::vector<uint16_t> pixels;
static size_t per_image, images;
static int pixel_bits;
static std::vector<uint32_t> wanted;                   // of each image: maps, scores, counts
static uint32_t lengths[3];
static const char *NAMES[3] = {"map", "score", "count"};

static void fail(const char *what) {
    printf("wrong: %s\n", what);
    exit(1);
}

static uint64_t mixed(uint64_t seed, const uint8_t *bytes, size_t size) {
    uint64_t hash = seed;
    for (size_t at = 0; at < size; at += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes + at, size - at < 8 ? size - at : 8);
        hash = (hash ^ word) * 0x9E3779B97F4A7C15ull;
        hash ^= hash >> 29;
    }
    return hash;
}

static Key key_of(const State &state) {
    Key key;
    const uint8_t *world = (const uint8_t *)&state.world;
    key.low  = mixed(mixed(1, state.model.data(), state.model.size()), world, sizeof(World));
    key.high = mixed(mixed(77, state.model.data(), state.model.size()), world, sizeof(World));
    return key;
}

static void settle() {                                 // inputs at rest, after a clock edge
    PORT(i_pixels, valid) = PORT(i_config, valid) = 0;
    PORT(i_pixels, payload) = 0;
    PORT(i_config, payload) = 0;
    PORT(o_maps, ready) = PORT(o_scores, ready) = PORT(o_counts, ready) = 0;
    dut.clk = 0;
    dut.eval();
}

static void save(State &state) {
    state.model.resize(sizeof(*dut.rootp));
    memcpy(state.model.data(), (void *)dut.rootp, sizeof(*dut.rootp));
}

static void load(const State &state) {
    memcpy((void *)dut.rootp, state.model.data(), state.model.size());
}

// One cycle. ``offers``: the word of world.sending is offered. Returns whether an image ended.
static bool cycle(World &world, bool offers, int ready) {
    if (offers) {
        const size_t at = world.sending * per_image + world.sent;
        PORT(i_pixels, payload) = pixels[at] | (world.sent == 0) << pixel_bits;
    }
    PORT(i_pixels, valid) = offers;
    PORT(o_maps, ready) = ready & 1;
    PORT(o_scores, ready) = ready >> 1 & 1;
    PORT(o_counts, ready) = ready >> 2 & 1;
    dut.clk = 0;
    dut.eval();
    bool ended = false;
    const bool valid[3] = {(bool)PORT(o_maps, valid), (bool)PORT(o_scores, valid),
                           (bool)PORT(o_counts, valid)};
    const uint64_t payload[3] = {PORT(o_maps, payload), PORT(o_scores, payload),
                                 PORT(o_counts, payload)};
    for (int n = 0; n < 3; n++) {
        if (!valid[n] || !(ready >> n & 1)) continue;
        if (world.running < 0) fail("a word without an image");
        const bool last = n == 2 && payload[n] >> COUNT_BITS;
        const uint32_t word = last ? UINT32_MAX : payload[n];
        size_t at = world.running * (lengths[0] + lengths[1] + lengths[2]) + world.taken[n];
        for (int m = 0; m < n; m++) at += lengths[m];
        if (world.taken[n] >= lengths[n] || wanted[at] != word) fail(NAMES[n]);
        world.taken[n]++;
        ended |= last;
    }
    if (offers && PORT(i_pixels, ready)) {
        if (world.sent == 0) {
            if (world.running >= 0) fail("an image is taken before the last one has ended");
            world.running = world.sending;
        }
        world.offered = 0;
        if (++world.sent == per_image) { world.sent = 0; world.sending = -1; }
    } else {
        world.offered = offers;
    }
    dut.clk = 1;
    dut.eval();
    settle();
    if (ended) {
        for (int n = 0; n < 3; n++) {
            if (world.taken[n] != lengths[n]) fail("an image ends before its last word");
            world.taken[n] = 0;
        }
        world.running = -1;
    }
    return ended;
}

// Cycles to the end of the image under way where nothing stalls.
static int rest(World world) {
    for (int n = 0; n < 100000; n++) {
        if (cycle(world, world.sending >= 0, 7)) return n + 1;
    }
    fail("an image never ends");
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 11) { fprintf(stderr, "usage: see source\n"); return 2; }
    const std::vector<uint16_t> config = slurp<uint16_t>(argv[1]);
    pixels = slurp<uint16_t>(argv[2]);
    wanted = slurp<uint32_t>(argv[3]);
    per_image = atol(argv[4]);
    images = atol(argv[5]);
    pixel_bits = atoi(argv[6]);
    for (int n = 0; n < 3; n++) lengths[n] = atol(argv[7 + n]);
    const size_t most = atol(argv[10]);

    settle();
    dut.rst = 1;
    for (int n = 0; n < 4; n++) { dut.clk = 0; dut.eval(); dut.clk = 1; dut.eval(); }
    dut.rst = 0;
    settle();
    for (size_t at = 0; at < config.size();) {
        PORT(i_config, payload) = (uint64_t)config[at + 2] | (uint64_t)config[at + 1] << DATA_BITS
                                  | (uint64_t)config[at] << (DATA_BITS + INDEX_BITS);
        PORT(i_config, valid) = 1;
        dut.clk = 0; dut.eval();
        if (PORT(i_config, ready)) at += 3;
        dut.clk = 1; dut.eval();
        settle();
    }
    for (int n = 0; n < 300; n++) { dut.clk = 1; dut.eval(); settle(); }   // the map is cleared
    State first;
    save(first);
    std::unordered_set<Key, KeyHash> seen;
    std::set<std::pair<int, int>> behind;
    std::deque<State> open;
    seen.insert(key_of(first));
    open.push_back(first);
    uint64_t steps = 0, told = 0;
    int longest = 0;
    while (!open.empty()) {
        const State state = std::move(open.front());
        open.pop_front();
        const World &was = state.world;
        // What may be sent: the image that has begun, or any, or none.
        const int begun = was.sending;
        for (int image = begun; image < (begun < 0 ? (int)images : begun + 1); image++) {
            for (int offers = was.offered || begun < 0; offers < 2; offers++) {
                for (int ready = 0; ready < 8; ready++) {
                    State next;
                    next.world = was;
                    next.last = state.last;
                    if (begun < 0) next.world.sending = image;
                    load(state);
                    if (cycle(next.world, image >= 0 && offers, ready)) next.last = was.running;
                    if (was.running < 0 && next.world.running >= 0)
                        behind.insert({state.last, next.world.running});
                    save(next);
                    steps++;
                    if (!seen.insert(key_of(next)).second) continue;
                    if (seen.size() > most) { printf("more than %zu states\n", most); return 1; }
                    if (next.world.running >= 0 || next.world.sending >= 0)
                        longest = std::max(longest, rest(next.world));
                    open.push_back(std::move(next));
                }
            }
        }
        if (steps >> 20 > told) { told = steps >> 20; fprintf(stderr, "%zu states, %zu open\n", seen.size(), open.size()); }
    }
    printf("%zu %llu %d %zu\n", seen.size(), (unsigned long long)steps, longest, behind.size());
    return 0;
}
