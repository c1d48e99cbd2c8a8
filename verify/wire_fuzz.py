"""Mutated frames at the UART pins of the chip in Verilator; after each batch a real request.

``python -m tests.fuzz_wire --frames 20000`` prints how many were sent, answered and refused, and
how often the chip hung or answered wrongly: 0, or the exit code is 1. Every answer is compared with
what a model of the protocol says. The accelerator behind the pins is a stand-in that adds up all it
is told, so that one write too many, or a wrong one, shows.
"""

import argparse
import random
import time
from dataclasses import dataclass

import numpy as np

from boards.host import Board
from boards.platform.top import Top
from boards.ports import LinkError
from boards.protocol.codec import (
    ESCAPE,
    FLAG,
    OLD_WRITES,
    Error,
    Kind,
    seal,
    stuff,
    unseal,
    unstuff,
)
from golden.io.errors import command
from golden.io.text import say
from sim.pins import SimulatedPort
from verify.standin import Standin

HZ, BAUD = 4_000_000, 1_000_000
BYTE = 10 * HZ // BAUD  # cycles
BATCH = 100
END = bytes([FLAG])
IDENTIFY = bytes([Kind.IDENTIFY])
WRITES = [Kind.LABEL, Kind.WEIGHTS, Kind.REGISTERS, *range(Kind.TABLE, Kind.TABLE + 8)]


def mutated(rng, frame):
    """``frame`` as encoded, damaged in one of the ways of lines and senders."""
    some = bytearray(stuff(frame))
    match rng.randrange(8):
        case 0:
            some[rng.randrange(len(some))] ^= 1 << rng.randrange(8)
        case 1:
            del some[rng.randrange(len(some)):]
        case 2:
            del some[rng.randrange(len(some))]
        case 3:
            some.insert(rng.randrange(len(some)), rng.randrange(256))
        case 4:
            some[rng.randrange(len(some))] = rng.choice([FLAG, ESCAPE])
        case 5:
            some = bytearray(rng.randbytes(rng.randrange(40)))
        case 6:
            some = bytearray(stuff(frame[:-2]))
        case 7:
            some = some + some
    return bytes(some)


def whole(sent):
    """The undamaged frames in a stretch of bytes, by the driver's own code."""
    for piece in sent.split(END)[:-1]:
        frame = unstuff(piece) or b""
        if unseal(frame):
            yield frame[:-2]


@dataclass
class Tally:
    """What became of the frames; ``whole`` of them were undamaged after all."""

    sent: int = 0
    whole: int = 0
    answered: int = 0
    refused: int = 0
    ignored: int = 0
    batches: int = 0
    hangs: int = 0
    wrong: int = 0


class Model:
    """What a chip has carried out, from the frames that reached it whole."""

    def __init__(self):
        self.writes, self.last = [], None

    def answer(self, frame):
        """Error of the answer to a frame, and note what it does."""
        seq, kind, payload = frame[0], frame[1], frame[2:]
        if kind == Kind.IDENTIFY:
            if payload:
                return Error.LENGTH
            self.last = None
            return Error.NONE
        if kind in OLD_WRITES:
            return Error.VERSION
        if kind not in WRITES:
            return Error.KIND
        if seq == self.last:
            return Error.NONE
        if not payload or len(payload) % 2:
            return Error.LENGTH
        index = int.from_bytes(payload[:2], "big")
        for k in range(2, len(payload), 2):
            if kind != Kind.LABEL:
                self.writes.append((kind & 15, (index + k // 2 - 1) & 0xFFFF,
                                    int.from_bytes(payload[k:k + 2], "big")))
        self.last = seq
        return Error.NONE


def request(rng):
    """A frame of a random request that does not start an image."""
    kind = rng.choice([Kind.IDENTIFY, *rng.sample(WRITES, 4), rng.choice(OLD_WRITES),
                       0x55, 0x08, 0x13, 0x20])
    words = rng.choice([0, 1, 2, 3, 40])
    payload = b"" if kind == Kind.IDENTIFY and rng.random() < 0.8 else (
        rng.randbytes(2) + bytes(rng.choice([0, FLAG, 0x7D, rng.randrange(256)])
                                 for _ in range(2 * words + (rng.random() < 0.1))))
    return seal(rng.randrange(256), kind, payload)


class Listener:
    """Collects the answers that come from a port."""

    def __init__(self, port):
        self.port, self.waiting, self.answers = port, bytearray(), []

    def listen(self, cycles, count=None):
        """Let so many cycles pass, or until there are ``count`` answers."""
        until = self.port.cycles + cycles
        while self.port.cycles < until and (count is None or len(self.answers) < count):
            self.waiting += self.port.read(cycles=until - self.port.cycles)
            *pieces, self.waiting = self.waiting.split(END)
            frames = [unseal(unstuff(bytes(piece)) or b"") for piece in pieces if piece]
            self.answers += [(frame[0], frame[1] - Kind.ANSWER) for frame in frames if frame]


def well(board, standin, model, rng, images):
    """Whether a chip tells who it is and explains an image rightly; LinkError if it does not."""
    image = np.array(rng.choices(range(256), k=4), np.uint8).reshape(1, 1, 4)
    told, result = board.identify(), board.explain(image)
    model.last = board._seq
    maps, scores, counts = standin.model(image, model.writes, images)
    words = np.concatenate([result.maps[tap].transpose(1, 2, 0).ravel() for tap in (1, 2)])
    return (told.digest == standin.network.digest and (words == maps).all()
            and [*result.counts.tolist(), result.cycles] == counts.tolist()
            and result.corrupt == (images % 2 == 0))


def fuzz(frames, *, seed=1):
    """Tally of so many mutated frames."""
    rng, tally, model = random.Random(seed), Tally(), Model()
    standin = Standin(shape=(1, 1, 4), map_width=4, score_width=4)
    top = Top(standin, clock_hz=HZ, baud=BAUD)
    with SimulatedPort(top) as port, Board(port, timeout=20e-3, clock=port.clock) as board:
        model.last = board._seq
        while tally.sent < frames:
            heard, expected = Listener(port), []
            for _ in range(min(BATCH, frames - tally.sent)):
                frame = request(rng)
                some = (stuff(frame) if rng.random() < 0.2 else mutated(rng, frame)) + END
                arrived = list(whole(some))
                if len(arrived) > 1 and arrived[0][1:] == IDENTIFY:
                    # Its answer is still being sent when the next frame has come: that is lost.
                    del arrived[1:]
                found = [(one[0], int(model.answer(one))) for one in arrived]
                expected += found
                port.write(some)
                heard.listen(BYTE * len(some) + 300)
                if found:
                    heard.listen(400 * BYTE, len(expected))
                if rng.random() < 0.05:
                    port.hold(rng.choice([1, 2, 7, 39, 200]))   # a glitch or a break
                    heard.listen(2 * BYTE)
                    port.write(END)
                    heard.listen(3 * BYTE)
                tally.sent += 1
                tally.ignored += not found
            tally.whole += len(expected)
            tally.answered += len(heard.answers)
            tally.refused += sum(error != Error.NONE for _, error in heard.answers)
            tally.batches += 1
            try:
                tally.wrong += (heard.answers != expected) + (
                    not well(board, standin, model, rng, tally.batches))
            except LinkError:
                tally.hangs += 1
    return tally


@command
def main(argv=None):
    """Send the frames; exit code 1 where the chip hung or answered wrongly."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz_wire", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(argv)
    began = time.perf_counter()
    tally = fuzz(args.frames, seed=args.seed)
    say(f"frames sent {tally.sent}, of them ignored as damaged {tally.ignored}; answers "
        f"{tally.answered} to {tally.whole} whole requests, refused {tally.refused}; batches "
        f"{tally.batches}; hangs {tally.hangs}, wrong answers {tally.wrong}; "
        f"{time.perf_counter() - began:.0f} s")
    raise SystemExit(bool(tally.hangs or tally.wrong))


if __name__ == "__main__":
    main()
