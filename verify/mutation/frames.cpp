// A Verilated Deframer: bytes in, as they come on a wire, and a reader that stalls and goes back.
//
// usage: harness BYTES OUT STALL SEED READS
//
// BYTES holds records of two bytes: whether a byte comes in this cycle, and the byte. The reader
// takes a byte with the chance 1 - STALL/256, goes back to the first once in a frame out of two, and
// is done after the last, or, if READS is 0, never takes one, or, if it is more than 1, takes one
// byte in cycle READS. OUT receives frames, each as a byte
// of its kind (0 a frame, 1 a frame overtaken), a byte with the last index, and its bytes.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>
#include "Vdut.h"
#include "verilated.h"

double sc_time_stamp() { return 0; }
static uint32_t rng;
static uint32_t draw() { rng ^= rng << 13; rng ^= rng >> 17; rng ^= rng << 5; return rng; }

int main(int argc, char **argv) {
    if (argc != 6) return 2;
    FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[2], "wb");
    const uint32_t stall = atoi(argv[3]);
    rng = atoi(argv[4]) * 2654435761u + 1;
    const int reads = atoi(argv[5]);
    int cycle = 0;
    Vdut dut;
#ifdef MUTANTS
    dut.mutsel = getenv("MUTANT") ? atoi(getenv("MUTANT")) : 0;
#endif
    // What a reset must undo: a frame begun, an escape at its end.
    for (int n = 0; n < 200; n++) {
        dut.valid = n & 1;
        dut.byte = n < 20 ? 0x7e : n == 199 ? 0x7d : n;
        dut.clk = 0; dut.eval(); dut.clk = 1; dut.eval();
    }
    dut.rst = 1;
    dut.valid = 0;
    for (int n = 0; n < 4; n++) { dut.clk = 0; dut.eval(); dut.clk = 1; dut.eval(); }
    dut.rst = 0;
    std::vector<uint8_t> frame;
    bool back = draw() & 1, done = false, rewind = false, waited = false;
    uint8_t word[2];
    int tail = 0, pause = 0;  // cycles until the reader goes back or away, in which it takes nothing
    while (tail < 2000) {
        const bool more = fread(word, 2, 1, in) == 1;
        tail += !more;
        dut.valid = more && word[0];
        dut.byte = more ? word[1] : 0;
        cycle++;
        dut.ready = done || rewind ? 0 : reads > 1 ? cycle == reads : reads && (draw() & 255) >= stall;
        dut.done = done && !pause;
        dut.rewind = rewind && !pause;
        dut.clk = 0;
        dut.eval();
        if (waited && !dut.given && !dut.done && !dut.rewind) { fprintf(stderr, "a byte taken back\n"); return 4; }
        waited = dut.given && !dut.ready && !dut.done && !dut.rewind;
        if (pause) pause--;
        else done = rewind = false;
        if (dut.overtaken) { fputc(1, out); fputc(0, out); }
        if (dut.given && dut.ready) {
            frame.push_back(dut.data);
            if (frame.size() > 300) return 5;
            if (dut.last || (back && frame.size() == 2)) {
                if (back) rewind = true;
                else {
                    done = true;
                    fputc(0, out);
                    fputc(dut.stop, out);
                    fwrite(frame.data(), 1, frame.size(), out);
                }
                if (done) back = draw() & 1; else back = false;
                frame.clear();
                pause = draw() & 3;
            }
        }
        dut.clk = 1;
        dut.eval();
    }
    fclose(out);
    return 0;
}
