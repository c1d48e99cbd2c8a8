// A Verilated chip between its UART pins, driven over stdin and stdout.
//
// usage: pins DIVISOR
//
// Each command is two u32, a count of bytes and a number of cycles, and then the bytes. They are
// queued for the chip's rx, the chip runs for the cycles, and the answer is a u32 count and the
// bytes that left tx meanwhile. A framing error on tx ends the program with 3.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <vector>
#include "Vdut.h"
#include "verilated.h"

double sc_time_stamp() { return 0; }

int main(int argc, char **argv) {
    if (argc != 2) { fprintf(stderr, "usage: see source\n"); return 2; }
    const int divisor = atoi(argv[1]);
    Vdut dut;
    dut.rx = 1;
    dut.rst = 1;
    for (int n = 0; n < 4; n++) { dut.clk = 0; dut.eval(); dut.clk = 1; dut.eval(); }
    dut.rst = 0;

    std::deque<uint8_t> queue;
    std::vector<uint8_t> found;
    uint32_t sending = 0;                // bits still to send, a 1 ahead of them
    int left = 0;                        // cycles of the bit on rx
    int wait = -1, bit = 0, byte = 0;    // cycles to the next sample of tx; -1 while it is idle
    uint32_t head[2];
    while (fread(head, sizeof head, 1, stdin) == 1) {
        for (uint32_t n = 0; n < head[0]; n++) {
            const int c = getchar();
            if (c == EOF) return 2;
            queue.push_back(c);
        }
        found.clear();
        for (uint32_t n = 0; n < head[1]; n++) {
            if (left == 0) {
                if (sending <= 1 && !queue.empty()) {
                    sending = 3u << 9 | queue.front() << 1;      // stop bit, data, start bit
                    queue.pop_front();
                }
                dut.rx = sending > 1 ? sending & 1 : 1;
                sending >>= sending > 1;
                left = divisor;
            }
            left--;
            dut.clk = 0; dut.eval();
            dut.clk = 1; dut.eval();
            if (wait < 0) {
                if (!dut.tx) { wait = divisor + divisor / 2 - 1; bit = byte = 0; }
            } else if (wait-- == 0) {
                if (bit == 8) {
                    if (!dut.tx) { fprintf(stderr, "no stop bit\n"); return 3; }
                    found.push_back(byte);
                    wait = -1;
                } else {
                    byte |= dut.tx << bit++;
                    wait = divisor - 1;
                }
            }
        }
        const uint32_t count = found.size();
        fwrite(&count, sizeof count, 1, stdout);
        fwrite(found.data(), 1, count, stdout);
        fflush(stdout);
    }
    return 0;
}
