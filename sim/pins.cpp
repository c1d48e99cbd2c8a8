// A Verilated chip at its pins: a UART, and a SPI flash where the chip reads one.
//
// usage: harness BIT [FLASH]
//
// BIT is the length of a bit on the line in 1/256 cycles, FLASH a file with what the flash holds.
// Commands come on stdin, each a letter and a u32 (host order); time passes only in R and B.
//   W n   the n bytes that follow are to be sent, after those still waiting
//   R n   let up to n cycles pass, until a 0x7E behind another byte has been received; reply:
//         u64 cycles since reset, u32 state of the outputs (bit 0 busy, bit 1 failed), u32 count,
//         then the bytes received since the last R
//   B n   hold the line at 0 for n cycles
//   F n   turn bit n % 8 of byte n / 8 of the flash over

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <vector>
#include "Vdut.h"
#include "verilated.h"

double sc_time_stamp() { return 0; }

static Vdut dut;
static uint64_t now = 0;

// A bit begins at multiples of the bit length, counted from the edge of the start bit.
struct Sender {
    uint64_t length, begin = 0;
    std::deque<uint8_t> waiting;
    int byte = -1;
    int level() {
        if (byte < 0) {
            if (waiting.empty()) return 1;
            byte = waiting.front();
            waiting.pop_front();
            begin = now << 8;
        }
        uint64_t bit = ((now << 8) - begin) / length;
        if (bit > 9) {
            // Without a pause the next start bit follows to the fraction of a cycle.
            begin += 10 * length;
            if (waiting.empty()) { byte = -1; return 1; }
            byte = waiting.front();
            waiting.pop_front();
            bit = 0;
        }
        return bit == 0 ? 0 : bit == 9 ? 1 : byte >> (bit - 1) & 1;
    }
};

struct Receiver {
    uint64_t length, begin = 0;
    int bit = -1, byte = 0;
    std::vector<uint8_t> got;
    bool framed = false;
    void see(int level) {
        if (bit < 0) {
            if (level) return;
            begin = now << 8;
            bit = 0;
            byte = 0;
        }
        if ((now << 8) < begin + length / 2 + bit * length) return;
        if (bit == 0 && level) { bit = -1; return; }
        if (bit >= 1 && bit <= 8) byte |= level << (bit - 1);
        if (bit++ < 9) return;
        if (!level) { fprintf(stderr, "a byte without its stop bit\n"); exit(4); }
        framed = byte == 0x7e && !got.empty() && got.back() != 0x7e;
        got.push_back(byte);
        bit = -1;
    }
};

// A flash as iCE40 leaves it, asleep until command AB; reads with command 03, and with EB once bit 1 of status
// register 2 was written behind command 50 (sim.flash_chip has the same in Python). Lines 0 to 3 are DI, DO, WP, HOLD.
struct Flash {
    std::vector<uint8_t> memory;
    bool asleep = true, quad = false, may = false, last_cs = false, last_clk = false;
    uint64_t woken = 0, in = 0;
    int clocks = 0, out = 0, drives = 0;
    uint32_t command = 0, address = 0;
    void see(bool cs, bool clk, int o, int oe) {
        if (drives & oe) { fprintf(stderr, "the flash and the chip drive one line\n"); exit(5); }
        if (!cs) {
            if (last_cs && clocks == 8 && (in & 0xff) == 0xab) { asleep = false; woken = now; }
            const bool awake = !asleep && now >= woken + 150;
            if (last_cs && clocks == 16 && (in >> 8 & 0xff) == 0x31 && may && awake) quad = in >> 1 & 1;
            if (last_cs) may = clocks == 8 && (in & 0xff) == 0x50 && awake;
            clocks = 0; in = 0; drives = 0; command = 0;
        } else if (clk && !last_clk) {
            const int level = o | ~oe;     // pulled up
            clocks++;
            if (command == 0xeb) {
                in = in << 4 | (level & 15);
                if (clocks == 14) address = in & 0xffffff;
            } else {
                in = in << 1 | (level & 1);
                if (clocks == 32) address = in & 0xffffff;
            }
            if (clocks == 8 && !asleep && now >= woken + 150) command = in & 0xff;
            if (command == 0xeb && !quad) command = 1;
        } else if (!clk && last_clk) {
            const int at = command == 0x03 ? clocks - 32 : command == 0xeb ? 4 * (clocks - 20) : -1;
            if (at >= 0) {
                const size_t place = address + at / 8;
                const int byte = place < memory.size() ? memory[place] : 0xff;
                if (command == 0x03) { drives = 2; out = (byte >> (7 - at % 8) & 1) << 1; }
                else { drives = 15; out = byte >> (4 - at % 8) & 15; }
            }
        }
        last_clk = clk; last_cs = cs;
    }
    int lines(int o, int oe) { return (out & drives) | (o & oe) | (~drives & ~oe & 15); }
};

static void cycle(Sender &sender, Receiver &receiver, Flash &flash, bool broken) {
    dut.rx = broken ? 0 : sender.level();
#ifdef FLASH
    dut.flash_i = flash.lines(dut.flash_o, dut.flash_oe);
#endif
    dut.clk = 0;
    dut.eval();
    receiver.see(dut.tx);
#ifdef FLASH
    flash.see(dut.flash_cs, dut.flash_clk, dut.flash_o, dut.flash_oe);
#endif
    dut.clk = 1;
    dut.eval();
    now++;
}

template <typename T> static bool take(T &value) { return fread(&value, sizeof value, 1, stdin) == 1; }
template <typename T> static void give(T value) { fwrite(&value, sizeof value, 1, stdout); }

int main(int argc, char **argv) {
    if (argc < 2) { fprintf(stderr, "usage: see source\n"); return 2; }
    Sender sender;
    Receiver receiver;
    Flash flash;
    sender.length = receiver.length = atol(argv[1]);
    if (argc > 2) {
        FILE *file = fopen(argv[2], "rb");
        if (!file) { perror(argv[2]); return 2; }
        for (int byte; (byte = getc(file)) != EOF;) flash.memory.push_back(byte);
        fclose(file);
    }
    dut.rx = 1;
    dut.rst = 1;
    for (int n = 0; n < 4; n++) { dut.clk = 0; dut.eval(); dut.clk = 1; dut.eval(); }
    dut.rst = 0;

    char letter;
    uint32_t count;
    while (take(letter) && take(count)) {
        if (letter == 'W') {
            std::vector<uint8_t> some(count);
            if (count && fread(some.data(), 1, count, stdin) != count) return 2;
            sender.waiting.insert(sender.waiting.end(), some.begin(), some.end());
        } else if (letter == 'B') {
            for (uint32_t n = 0; n < count; n++) cycle(sender, receiver, flash, true);
        } else if (letter == 'F') {
            if (count / 8 >= flash.memory.size()) return 2;
            flash.memory[count / 8] ^= 1 << count % 8;
        } else if (letter == 'R') {
            for (uint32_t n = 0; n < count && !receiver.framed; n++) cycle(sender, receiver, flash, false);
            uint32_t state = dut.busy;
#ifdef FLASH
            state |= dut.failed << 1;
#endif
            give<uint64_t>(now);
            give<uint32_t>(state);
            give<uint32_t>(receiver.got.size());
            fwrite(receiver.got.data(), 1, receiver.got.size(), stdout);
            receiver.got.clear();
            receiver.framed = false;
            fflush(stdout);
        } else return 2;
    }
    return 0;
}
