"""The host's side: load a network into the chip, send it images, get explanations.

Needs NumPy and pySerial, nothing else; runs on a Raspberry Pi.
"""

import secrets
import time
from collections import deque
from collections.abc import Iterator

import numpy as np

from boards.ports import LinkError, find_port, open_port
from boards.protocol.codec import (
    BLOCK,
    FLAG,
    FRAME,
    MEANINGS,
    Error,
    Kind,
    blocks,
    bytes_of,
    kind_of,
    kind_of_space,
    seal,
    stuff,
    unseal,
    unstuff,
)
from boards.protocol.identity import Identity
from boards.protocol.results import pixel_bytes, result_of, train_bytes, void
from golden.io.errors import BadInput
from golden.network.result import Result
from hw.interface import EXPERIMENT_REGISTERS, SPACE_BITS, Register, Space
from hw.plan.packing import signature

__all__ = ["Board", "LinkError", "Result", "find_port"]

LONGEST = 2**16  # bytes kept for want of a FLAG
WORDS = 116    # of a write request
WINDOW = 16    # requests sent before their answers are awaited
PATIENCE = 30  # timeouts that an image may take, beside those of its bytes on the wire


def mark_of(label: str) -> bytes:
    """Bytes of a label of 16 hex digits, or BadInput."""
    try:
        mark = bytes.fromhex(label)
    except ValueError:
        mark = b""
    if len(mark) != 8:
        raise BadInput(f"label must be 16 hex digits, not {label!r}")
    return mark


def runs(writes: np.ndarray) -> Iterator[tuple[Kind, int, np.ndarray]]:
    """(kind, index, words) of each stretch of writes in one space, one index after the other."""
    together = (np.diff(writes[:, 0]) == 0) & (np.diff(writes[:, 1]) == 1)
    for run in np.split(writes, np.flatnonzero(~together) + 1):
        yield kind_of_space(run[0, 0]), int(run[0, 1]), run[:, 2]


def named(kind):
    """A kind in a message."""
    return (kind.name if isinstance(kind, Kind) else f"request {kind:#x}").lower()


def write_requests(kind: Kind, index: int,
                   values: bytes | np.ndarray) -> Iterator[tuple[Kind, bytes]]:
    """(kind, payload) of the requests that write 16-bit ``values`` from ``index`` on.

    As few as there can be, and of one length: a short one behind a long one would be whole on the
    wire before the long one is carried out, and so be lost (boards.link.deframer).
    """
    values = np.asarray(list(values), dtype=np.int64)
    if values.size and not (0 <= values.min() and values.max() < 2**16):
        raise BadInput(f"{named(kind)}: words must be 0 to 65535, "
                       f"not {values.min()} to {values.max()}")
    if index < 0 or index + len(values) > 2**16:
        raise BadInput(f"{named(kind)}: {len(values)} words from {index} on are more than 65536")
    for part in np.array_split(values, -(-len(values) // WORDS)) if len(values) else ():
        yield kind, index.to_bytes(2, "big") + part.astype(">u2").tobytes()
        index += len(part)


def load_requests(writes: list[tuple[int, int, int]], *,
                  label: str) -> Iterator[tuple[Kind, bytes]]:
    """(kind, payload) of the requests that load a network, its label at last."""
    for run in runs(np.asarray(writes, dtype=np.int64)):
        yield from write_requests(*run)
    yield from write_requests(Kind.LABEL, 0, mark_of(label))


def weights_of(writes, count: int):
    """The ``count`` words that ``writes`` put into the weight memory, each once; else BadInput."""
    rows = writes[writes[:, 0] == 0]
    if not np.array_equal(np.sort(rows[:, 1]), np.arange(count)):
        raise BadInput(f"a network for this chip writes each of its {count} weight words once; "
                       f"these are {len(rows)} writes")
    return rows[np.argsort(rows[:, 1]), 2]


class Board:
    """A chip on a port.

    ``with Board("/dev/ttyUSB1") as board: board.explain(image)``. Every frame is checked, lost
    ones are asked for again ``retries`` times. What cannot be repaired is a LinkError, what the
    caller did wrong a BadInput. Whatever the other side sends, each try of a request ends within
    ``timeout``, that of an image within PATIENCE times it, counted without the time that their
    bytes take on the wire; and no more is kept than the results that the identity announces.

    Parameters
    ----------
    port : str or object
        A serial device, or anything with ``write(bytes)`` and a ``read(size)`` that returns what is
        there, b"" if nothing came for a moment.
    baud : int
        Of the device.
    timeout : float
        Seconds after which a request without an answer counts as lost, and so does an image of
        which no result came.
    retries : int
        How often a request is repeated.
    clock : callable
        Gives the time in seconds; another one than the wall's where the port is a simulation.
    """

    def __init__(self, port, *, baud: int = 1_000_000, timeout: float = 1.0, retries: int = 4,
                 clock=time.monotonic):
        self.port = port
        self.timeout, self.retries, self.baud = timeout, retries, baud
        self.whole = self.damaged = self.repeated = 0   # frames
        self.received = self.sent = 0                   # bytes
        self._clock = clock
        self._wire, self._waiting, self._frames = None, bytearray(), deque()
        # A late answer to another program has another number.
        self._seq, self._number = secrets.randbelow(256), None
        self._clear_at = 0.0  # when the last byte sent has reached the chip
        self._identity, self._registers = None, {}  # of Kind, index: what a reset would forget

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
        except ValueError as error:
            raise LinkError(self.port, str(error)) from None
        return self._identity

    def reset(self) -> None:
        """Give up any image under way and all that is still to come of it."""
        self._request([(Kind.RESET, b"")])
        self._number = None
        for (kind, index), value in self._registers.items():
            self._write(kind, index, [value])

    def load(self, writes, *, label) -> None:
        """Make the chip ready for a network, whose digest is ``label``.

        ``writes`` are (n, 3) of (space, index, word), as hw.plan.packing.configuration gives them;
        all of the weight memory is among them. The label is cleared meanwhile, so that a chip half
        loaded does not pass for loaded. LinkError if the chip then holds other weights.
        """
        mark, writes = mark_of(label), self._checked(writes)
        wanted = f"{signature(weights_of(writes, self._identity.words)):08x}"
        self._write(Kind.LABEL, 0, bytes(8))
        self.configure(writes)
        self._write(Kind.LABEL, 0, mark)
        found = self.identify().signature
        if found != wanted:
            self._write(Kind.LABEL, 0, bytes(8))
            raise LinkError(self.port, f"the chip holds other weights than were written: their "
                            f"signature is {found}, not {wanted}")

    def holds(self, writes):
        """Whether the weight memory holds what ``writes`` put there, by the chip's own signature.

        The chip reads its memory anew for that.
        """
        wanted = signature(weights_of(self._checked(writes), self._identity.words))
        self._request([(Kind.LABEL, bytes(2))])
        return self.identify().signature == f"{wanted:08x}"

    def _checked(self, writes):
        """``writes`` as an array, or BadInput."""
        writes = np.asarray(writes, dtype=np.int64)
        spaces = [Space.WEIGHTS, Space.REGISTERS, *range(Space.TABLE, 2**SPACE_BITS)]
        spaces += [Space.EXPERIMENT] if self._identity.experiments else []
        if (writes.ndim != 2 or writes.shape[1] != 3
                or not np.isin(writes[:, 0], spaces).all()):
            experiment = f", {Space.EXPERIMENT}" if self._identity.experiments else ""
            raise BadInput(f"writes must be rows of space (0, 1{experiment} or {Space.TABLE} to "
                           f"{2**SPACE_BITS - 1}), index and word")
        if not ((0 <= writes[:, 1:]) & (writes[:, 1:] < 2**16)).all():
            raise BadInput("writes: index and word must be 0 to 65535")
        return writes

    def configure(self, writes) -> None:
        """Make ``writes``, (n, 3) of (space, index, word), and remember those a reset undoes.

        An experiment is two such arrays, what to do and how to undo it
        (hw.explain.ablation.mask_writes).
        """
        for kind, index, words in runs(self._checked(writes)):
            self._write(kind, index, words)
            for at, word in enumerate(words.tolist(), index):
                # A reset forgets registers; marks of experiments lie in memory.
                if kind == Kind.REGISTERS or (
                        kind == Kind.EXPERIMENT and at >= EXPERIMENT_REGISTERS):
                    self._registers[kind, at] = word

    def set_table(self, table) -> None:
        """Write the SAM table: exp(-gamma d) in units of 2**-15, for d = 0, 1, ..."""
        self._write(Kind.TABLE, 0, table)

    def set_register(self, index: int, value) -> None:
        """Write a register (hw.interface.Register); it keeps its value over a reset."""
        self.configure([(Space.REGISTERS, int(index), int(value))])

    def set_seed(self, seed: int) -> None:
        """Set the seed of the encoder, 1 to 2**32 - 1."""
        if not 1 <= seed < 2**32:
            raise BadInput(f"seed must be 1 to 2**32 - 1, not {seed}")
        self.set_register(Register.SEED_LOW, seed & 0xFFFF)
        self.set_register(Register.SEED_HIGH, seed >> 16)

    def explain(self, image: np.ndarray):
        """Run one image: uint8, (C, H, W) or, with one channel, (H, W); return its Result.

        Where the network takes frames: (T, C, H, W), of 0 and 1 or of whole numbers.
        """
        packed = train_bytes if self._identity.frames else pixel_bytes
        pixels = packed(self._identity, image)
        trouble = ""
        for attempt in range(self.retries + 1):
            if attempt:
                self.repeated += 1
                self.reset()
            collected, trouble = self._run(pixels)
            if not trouble:
                if not void(self._identity, collected):
                    return result_of(self._identity, collected)
                trouble = "weights of an image came damaged from flash, so that it is void"
        raise LinkError(self.port, f"{trouble}, {self.retries + 1} times")

    # --- one image ------------------------------------------------------------------------------

    def _run(self, pixels):
        """Send an image; (payloads by kind, "") or (None, what went wrong)."""
        sizes, identity = blocks(len(pixels)), self._identity
        asked = set()  # blocks that were not answered
        for n in range(len(sizes)):
            seq = self._next()
            asked.add(seq)
            self._send(seq, Kind.PIXELS, bytes([n]) + pixels[BLOCK * n:BLOCK * (n + 1)])
        expected = dict.fromkeys(range(Kind.MAPS, Kind.MAPS + 7), 0)   # all kinds of results
        expected |= {kind_of(output): output.count * bytes_of(output.bits)
                     for output in identity.outputs.values()}
        collected = {kind: bytearray() for kind in expected}
        last = self._until(PATIENCE * self.timeout, 2 * sum(expected.values()))
        until, early = min(last, self._until(self.timeout)), 0
        while asked or len(collected[Kind.COUNTS]) < expected[Kind.COUNTS]:
            frame = self._receive(until)
            if frame is None:
                return None, ("the results of an image stopped coming" if self._clock() <= last
                              else "the results of an image did not end")
            first, kind, payload = frame
            if kind in collected:
                if first != (first if self._number is None else self._number):
                    return None, "a frame of results was lost"
                # One at most goes ahead of the answer to the block that starts the run.
                early += bool(asked)
                if early > 1:
                    return None, "results came that are not of this image"
                if len(collected[kind]) + len(payload) > expected[kind]:
                    return None, "results are longer than the chip announced"
                self._number = (first + 1) % 256
                collected[kind] += payload
                if payload:
                    until = min(last, self._until(self.timeout))
            elif first in asked and kind & 0xF8 == Kind.ANSWER and not payload:
                if kind != Kind.ANSWER:
                    return None, f"an image was refused ({self._meaning(kind)})"
                asked.discard(first)
        if any(len(collected[kind]) != size for kind, size in expected.items()):
            return None, "results are shorter than the chip announced"
        return collected, ""

    # --- requests -------------------------------------------------------------------------------

    def _write(self, kind, index, values):
        """Write 16-bit ``values`` from ``index`` on."""
        requests = list(write_requests(kind, index, values))
        for n in range(0, len(requests), WINDOW):
            self._request(requests[n:n + WINDOW])

    def _request(self, requests):
        """Send requests together until each is answered; the answers' payloads, in order."""
        waiting = {self._next(): n for n in range(len(requests))}
        answers = [None] * len(requests)
        refused, heard, whole = "", self.received, self.whole
        for attempt in range(self.retries + 1):
            for seq, n in waiting.items():
                self._send(seq, *requests[n])
            self.repeated += len(waiting) if attempt else 0
            unanswered = set(waiting)
            # An answer may have to wait for a frame of results.
            until = self._until(self.timeout, 4 * FRAME * len(waiting))
            while unanswered:
                frame = self._receive(until)
                if frame is None:
                    break
                seq, kind, payload = frame
                if seq not in unanswered or kind & 0xF8 != Kind.ANSWER:
                    continue
                tells = kind == Kind.ANSWER and requests[waiting[seq]][0] == Kind.IDENTIFY
                if tells != bool(payload):
                    continue  # to a request of another program
                unanswered.discard(seq)
                if kind == Kind.ANSWER:
                    answers[waiting.pop(seq)] = payload
                else:
                    refused = self._meaning(kind)
            if not waiting:
                return answers
            if refused and not unanswered:
                self._receive(self._until(self.timeout / 10))  # in which nothing is expected
        name, heard = named(requests[0][0]).upper(), self.received - heard
        if refused:
            raise LinkError(self.port, f"{name} was refused: {refused}")
        if heard and self.whole == whole:
            raise LinkError(self.port, f"{heard} bytes came but no frame: another device, or not "
                            f"at {self.baud} baud")
        raise LinkError(self.port,
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

    def _until(self, seconds, size=0):
        """The time so many seconds after all that was sent has reached the chip.

        And after ``size`` bytes more on the wire.
        """
        return max(self._clear_at, self._clock()) + seconds + 10 * size / self.baud

    def _receive(self, until):
        """The next undamaged frame, or None if none came until then."""
        while True:
            while self._frames:
                frame = self._frames.popleft()
                found = len(frame) <= 2 * FRAME and unseal(unstuff(frame) or b"")
                if found:
                    self.whole += 1
                    return found
                self.damaged += bool(frame)
            if self._clock() > until:
                return None
            try:
                here = max(1, getattr(self._wire, "in_waiting", 4096))
                some = self._wire.read(min(here, LONGEST))
            except OSError as error:
                raise LinkError(self.port, f"unplugged? {error.strerror or error}") from None
            *frames, rest = (self._waiting + some).split(bytes([FLAG]))
            self._frames.extend(bytes(frame) for frame in frames if frame)
            self._waiting = rest[-LONGEST:]
            self.received += len(some)
