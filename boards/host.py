"""The host's side: load a network into the chip, send it images, get explanations.

Needs NumPy and pySerial, nothing else; runs on a Raspberry Pi.
"""

import errno
import time
from dataclasses import dataclass

import numpy as np

from boards.protocol import (
    BLOCK,
    FLAG,
    MEANINGS,
    PAGE,
    Error,
    Identity,
    Kind,
    Register,
    blocks,
    bytes_of,
    seal,
    stuff,
    unseal,
    unstuff,
)
from golden.errors import BadInput

__all__ = ["Board", "LinkError", "Result", "find_port"]

WORDS = 116    # of a write request
WINDOW = 16    # requests sent before their answers are awaited
USB = (0x0403, 0x6010)


class LinkError(ConnectionError):
    """The board does not answer, or not as it should; one line says which and what."""

    def __init__(self, port, text):
        super().__init__(errno.EIO, text, str(port))


@dataclass(frozen=True)
class Result:
    """What the chip gives for one image, as golden.run gives it for many.

    Members
    -------
    logits : (classes,) int32
        Scores after the last step.
    scores : (T, classes) int32
        The same after every step.
    counts : (layers + 1,) int64
        Spikes of the input and of each spiking layer.
    maps : dict tap -> (T, H, W) int32
        SAM in units of 2**-8.
    cycles : int
        Clock cycles from the first pixel taken to the last result given.
    """

    logits: np.ndarray
    scores: np.ndarray
    counts: np.ndarray
    maps: dict
    cycles: int

    @property
    def pred(self):
        """Class of the largest logit, the first of equals."""
        return int(self.logits.argmax())


def find_port():
    """Device of the iCEBreaker's UART: the second port of its FTDI chip. LinkError if absent."""
    from serial.tools import list_ports
    found = sorted(port.device for port in list_ports.comports() if (port.vid, port.pid) == USB)
    if not found:
        raise LinkError("USB", "no iCEBreaker (0403:6010) is plugged in")
    return found[-1]


def open_port(device, baud):
    """Open a serial device so that a read returns within 50 ms."""
    import serial
    try:
        port = serial.Serial(device, baud, timeout=0.05, write_timeout=5, exclusive=True)
    except (serial.SerialException, ValueError) as error:
        raise LinkError(device, f"cannot be opened: {error}") from None
    port.reset_input_buffer()
    try:
        port.set_low_latency_mode(True)
    except (AttributeError, NotImplementedError, OSError, ValueError):
        pass  # no such mode here: answers take up to 16 ms longer
    return port


def numbers(payload, bits, *, signed):
    """Numbers of ``bits`` bits from their bytes, each in the fewest that hold it."""
    size = (bits + 7) // 8
    rows = np.frombuffer(payload, np.uint8).reshape(-1, size).astype(np.int64)
    values = rows @ (1 << 8 * np.arange(size)[::-1])
    return np.where(values >> 8 * size - 1, values - (1 << 8 * size), values) if signed else values


class Board:
    """A chip on a port.

    ``with Board("/dev/ttyUSB1") as board: board.explain(image)``. Every frame is checked, lost
    ones are asked for again ``retries`` times; nothing waits longer than ``timeout`` seconds for a
    sign of life. What cannot be repaired is a LinkError, what the caller did wrong a BadInput.

    Parameters
    ----------
    port : str or object
        A serial device, or anything with ``write(bytes)`` and a ``read(size)`` that returns what is
        there, b"" if nothing came for a moment.
    baud : int
        Of the device.
    timeout : float
        Seconds without a frame after which a request counts as lost.
    retries : int
        How often a request is repeated.
    clock : callable
        Gives the time in seconds; another one than the wall's where the port is a simulation.
    """

    def __init__(self, port, *, baud=1_000_000, timeout=1.0, retries=4,
                 clock=time.monotonic):
        self.port = port
        self.timeout, self.retries, self.baud = timeout, retries, baud
        self.damaged = self.repeated = self.received = self.sent = 0  # frames, frames, bytes, bytes
        self._clock = clock
        self._wire, self._waiting = None, bytearray()
        self._seq, self._number = 0, None
        self._clear_at = 0.0  # when the last byte sent has reached the chip
        self._identity, self._registers = None, {}

    def __enter__(self):
        self._wire = open_port(self.port, self.baud) if isinstance(self.port, str) else self.port
        try:
            self.identify()
            self.reset()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        wire, self._wire = self._wire, None
        if wire is not None and isinstance(self.port, str):
            wire.close()

    def identify(self):
        """What the chip is; begins a new session."""
        found, = self._request([(Kind.IDENTIFY, b"")])
        try:
            self._identity = Identity.unpack(found)
        except (ValueError, IndexError) as error:
            raise LinkError(self.port, str(error)) from None
        return self._identity

    def reset(self):
        """Give up any image under way and all that is still to come of it."""
        self._request([(Kind.RESET, b"")])
        self._number = None
        for index, value in self._registers.items():
            self._write(Kind.REGISTERS, index, [value])

    def load(self, writes, *, label):
        """Make the chip ready for a network, whose digest is ``label``.

        ``writes`` are (n, 3) of (space, index, word), as hw.plan.configuration gives them. The
        label is cleared meanwhile, so that a chip half loaded does not pass for loaded.
        """
        try:
            mark = bytes.fromhex(label)
        except ValueError:
            mark = b""
        if len(mark) != 8:
            raise BadInput(f"label must be 16 hex digits, not {label!r}")
        writes = np.asarray(writes, dtype=np.int64)
        if writes.ndim != 2 or writes.shape[1] != 3 or not np.isin(writes[:, 0], (0, 1, 2)).all():
            raise BadInput("writes must be rows of space (0 to 2), index and word")
        self._write(Kind.LABEL, 0, bytes(8))
        together = (np.diff(writes[:, 0]) == 0) & (np.diff(writes[:, 1]) == 1)
        for run in np.split(writes, np.flatnonzero(~together) + 1):
            kind, index = Kind(Kind.WEIGHTS + run[0, 0]), int(run[0, 1])
            self._write(kind, index, run[:, 2])
            if kind == Kind.REGISTERS:
                self._registers.update(zip(run[:, 1].tolist(), run[:, 2].tolist(), strict=True))
        self._write(Kind.LABEL, 0, mark)

    def set_table(self, table):
        """Write the SAM table: exp(-gamma d) in units of 2**-15, for d = 0, 1, ..."""
        self._write(Kind.TABLE, 0, table)

    def set_register(self, index, value):
        """Write a register (boards.protocol.Register); it keeps its value over a reset."""
        self._write(Kind.REGISTERS, int(index), [value])
        self._registers[int(index)] = int(value)

    def set_seed(self, seed):
        """Set the seed of the encoder, 1 to 2**32 - 1."""
        if not 1 <= seed < 2**32:
            raise BadInput(f"seed must be 1 to 2**32 - 1, not {seed}")
        self.set_register(Register.SEED_LOW, seed & 0xFFFF)
        self.set_register(Register.SEED_HIGH, seed >> 16)

    def explain(self, image):
        """Run one image: uint8, (C, H, W) or, with one channel, (H, W); return its Result."""
        pixels = self._pixels(image)
        trouble = ""
        for attempt in range(self.retries + 1):
            if attempt:
                self.repeated += 1
                self.reset()
            collected, trouble = self._run(pixels)
            if not trouble:
                return self._result(collected)
        raise LinkError(self.port, f"{trouble}, {self.retries + 1} times")

    # --- one image ------------------------------------------------------------------------------

    def _pixels(self, image):
        """Bytes of ``image`` in (y, x, channel) order."""
        told = self._identity
        shape = (told.channels, told.height, told.width)
        image = np.asarray(image)
        if image.ndim == 2 and told.channels == 1:
            image = image[None]
        if image.shape != shape:
            raise BadInput(f"image must be {shape} for this network, not {image.shape}")
        if image.dtype != np.uint8:
            raise BadInput(f"image must be of uint8, not {image.dtype}")
        return image.transpose(1, 2, 0).tobytes()

    def _run(self, pixels):
        """Send an image; (payloads by kind, "") or (None, what went wrong)."""
        sizes, told = blocks(len(pixels)), self._identity
        asked = set()
        for n in range(len(sizes)):
            seq = self._next()
            asked.add(seq)
            self._send(seq, Kind.PIXELS, bytes([n]) + pixels[BLOCK * n:BLOCK * (n + 1)])
        found = {Kind.MAPS: bytearray(), Kind.SCORES: bytearray(), Kind.COUNTS: bytearray()}
        wanted = {Kind.MAPS: told.maps * bytes_of(told.map_bits),
                  Kind.SCORES: told.scores * bytes_of(told.score_bits),
                  Kind.COUNTS: told.counts * 3}
        while len(found[Kind.COUNTS]) < wanted[Kind.COUNTS]:
            frame = self._receive(self.timeout)
            if frame is None:
                return None, "the results of an image stopped coming"
            first, kind, payload = frame
            if kind in found:
                if first != (first if self._number is None else self._number):
                    return None, "a frame of results was lost"
                self._number = (first + 1) % 256
                found[kind] += payload
            elif first in asked and kind != Kind.ANSWER:
                return None, f"an image was refused ({self._meaning(kind)})"
        if any(len(found[kind]) != size for kind, size in wanted.items()):
            return None, "results are of another length than the chip announced"
        return found, ""

    def _result(self, found):
        told = self._identity
        maps = numbers(found[Kind.MAPS], told.map_bits, signed=False).astype(np.int32)
        scores = numbers(found[Kind.SCORES], told.score_bits, signed=True).astype(np.int32)
        counts = numbers(found[Kind.COUNTS], 24, signed=False)
        by_tap, at = {}, 0
        for tap in told.taps:
            size = told.steps * tap.height * tap.width
            by_tap[tap.index] = (maps[at:at + size].reshape(tap.height, tap.width, told.steps)
                                 .transpose(2, 0, 1).copy())
            at += size
        # The last group of lanes may be a part of one, so groups are cut one by one.
        cuts = [told.steps * n for n in range(told.lanes, told.classes, told.lanes)]
        scores = np.concatenate([group.reshape(told.steps, -1)
                                 for group in np.split(scores, cuts)], axis=1)
        return Result(logits=scores[-1].copy(), scores=scores, counts=counts[:-1], maps=by_tap,
                      cycles=int(counts[-1]))

    # --- requests -------------------------------------------------------------------------------

    def _write(self, kind, index, values):
        """Write 16-bit ``values`` from ``index`` on."""
        values = np.asarray(list(values), dtype=np.int64)
        if values.size and not (0 <= values.min() and values.max() < 2**16):
            raise BadInput(f"{kind.name.lower()}: words must be 0 to 65535, "
                           f"not {values.min()} to {values.max()}")
        if index < 0 or index + len(values) > 2**16:
            raise BadInput(f"{kind.name.lower()}: {len(values)} words from {index} on are more "
                           "than 65536")
        requests = []
        while len(values):
            count = min(WORDS, PAGE - index % PAGE)
            requests.append((kind, index.to_bytes(2, "big")
                             + values[:count].astype(">u2").tobytes()))
            index, values = index + count, values[count:]
        for n in range(0, len(requests), WINDOW):
            self._request(requests[n:n + WINDOW])

    def _request(self, requests):
        """Send requests together until each is answered; the answers' payloads, in order."""
        waiting = {self._next(): n for n in range(len(requests))}
        answers = [None] * len(requests)
        refused = ""
        for attempt in range(self.retries + 1):
            for seq, n in waiting.items():
                self._send(seq, *requests[n])
            self.repeated += len(waiting) if attempt else 0
            unanswered = set(waiting)
            while unanswered:
                frame = self._receive(self.timeout)
                if frame is None:
                    break
                seq, kind, payload = frame
                if seq not in unanswered or kind & 0xF8 != Kind.ANSWER:
                    continue
                unanswered.discard(seq)
                if kind == Kind.ANSWER:
                    answers[waiting.pop(seq)] = payload
                else:
                    refused = self._meaning(kind)
            if not waiting:
                return answers
            if refused and not unanswered:
                self._receive(self.timeout / 10)  # a while, in which nothing is expected
        name = requests[0][0].name
        raise LinkError(self.port, f"{name} was refused: {refused}" if refused else
                        f"no answer to {name} in {self.retries + 1} times {self.timeout:g} s")

    @staticmethod
    def _meaning(kind):
        code = kind & 7
        return f"{Error(code).name}: {MEANINGS[code]}" if code in list(Error) else f"error {code}"

    # --- frames ---------------------------------------------------------------------------------

    def _next(self):
        self._seq = (self._seq + 1) % 256
        return self._seq

    def _send(self, seq, kind, payload):
        """Send a frame. The FLAG ahead ends whatever a fault may have left unfinished."""
        if self._wire is None:
            raise LinkError(self.port, "not open; use `with Board(port) as board`")
        frame = bytes([FLAG]) + stuff(seal(seq, kind, payload))
        try:
            self._wire.write(frame)
        except OSError as error:
            raise LinkError(self.port, f"unplugged? {error.strerror or error}") from None
        self.sent += len(frame)
        self._clear_at = max(self._clear_at, self._clock()) + 10 * len(frame) / self.baud

    def _receive(self, timeout):
        """The next undamaged frame, or None if none comes within ``timeout`` seconds.

        They are counted from now, or from when all that was sent has reached the chip.
        """
        until = max(self._clear_at, self._clock()) + timeout
        while True:
            frame, flag, rest = self._waiting.partition(bytes([FLAG]))
            if flag:
                self._waiting = rest
                found = unseal(unstuff(bytes(frame)) or b"")
                if found:
                    return found
                self.damaged += bool(frame)
                continue
            if self._clock() > until:
                return None
            try:
                some = self._wire.read(max(1, getattr(self._wire, "in_waiting", 4096)))
            except OSError as error:
                raise LinkError(self.port, f"unplugged? {error.strerror or error}") from None
            self._waiting += some
            self.received += len(some)
