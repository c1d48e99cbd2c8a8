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

// Reads with command 03 of a flash that sleeps until command AB, as iCE40 leaves it.
struct Flash {
    std::vector<uint8_t> memory;
    bool asleep = true, last_clk = false;
    uint64_t woken = 0;
    int bits = 0, out = 1;
    uint32_t in = 0, address = 0;
    void see(bool cs, bool clk, bool copi) {
        if (!cs) {
            if (bits == 8 && (in & 0xff) == 0xab) { asleep = false; woken = now; }
            bits = 0; in = 0; out = 1;
        } else if (clk && !last_clk) {
            in = in << 1 | copi;
            bits++;
            if (bits == 32) address = in & 0xffffff;
        } else if (!clk && last_clk && bits >= 32 && !asleep && now >= woken + 150) {
            const int n = bits - 32;
            if ((command = bits == 32 ? in >> 24 : command) == 0x03) {
                const size_t at = address + n / 8;
                out = (at < memory.size() ? memory[at] : 0xff) >> (7 - n % 8) & 1;
            }
        }
        last_clk = clk;
    }
    uint32_t command = 0;
};

static void cycle(Sender &sender, Receiver &receiver, Flash &flash, bool broken) {
    dut.rx = broken ? 0 : sender.level();
#ifdef FLASH
    dut.flash_cipo = flash.out;
#endif
    dut.clk = 0;
    dut.eval();
    receiver.see(dut.tx);
#ifdef FLASH
    flash.see(dut.flash_cs, dut.flash_clk, dut.flash_copi);
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
