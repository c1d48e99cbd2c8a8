"""The bytes between the chip and its host: one table for gateware, driver and documentation.

``python -m boards.protocol`` prints the tables of docs/protocol.md.
"""

import binascii
import enum
import re
from dataclasses import dataclass

from golden.io.text import say
from hw.interface import COUNT_BITS, TRACE_TABLE, Output, Register, Space

__all__ = [
    "VERSION", "BLOCK", "FRAME", "LABEL_AT", "SIGNATURE_AT", "BOOT_AT",
    "Kind", "Register", "Error", "MapEncoding", "Boot", "Identity", "Tap",
    "FLAG", "ESCAPE", "TURN", "bytes_of", "check", "seal", "unseal", "stuff", "unstuff", "blocks",
    "tables", "words_of",
]

VERSION = 3
BLOCK = 240        # pixels of a full PIXELS request, and about the data of a full report
FRAME = 253        # bytes of the longest request, check included
CHECK_START = 0xFFFF
FLAG, ESCAPE, TURN = 0x7E, 0x7D, 0x20  # RFC 1662
SIGNATURE_AT, LABEL_AT = 4, 8  # where those of the weights lie in the identity
BOOT_AT = 16       # and what became of the weights in flash
MOST = 2**24       # words of the results of an image, more than any chip has


class Kind(enum.IntEnum):
    """What a frame is: requests go to the chip, reports (from 0x80) come from it.

    The low two bits of a write to the accelerator are its hw.interface.Space; the low bits of a
    report are its hw.interface.Output. An answer is ANSWER + Error.
    """

    IDENTIFY = 0x01
    RESET = 0x02
    PIXELS = 0x03
    WEIGHTS = 0x04 + Space.WEIGHTS
    TABLE = 0x04 + Space.TABLE
    REGISTERS = 0x04 + Space.REGISTERS
    EXPERIMENT = 0x04 + Space.EXPERIMENT
    LABEL = 0x0C
    ANSWER = 0x80
    MAPS = 0xC0 + Output.MAPS
    SCORES = 0xC0 + Output.SCORES
    COUNTS = 0xC0 + Output.COUNTS
    TRACES = 0xC0 + Output.TRACES


class MapEncoding(enum.IntEnum):
    """What is reported of the maps, chosen when the chip is built."""

    FULL = 0
    SUM = 1
    BYTES = 2


class Boot(enum.IntEnum):
    """What became of the weights in flash."""

    NONE = 0
    LOADING = 1
    LOADED = 2
    REFUSED = 3


class Error(enum.IntEnum):
    """What an answer says of its request: 0, or why nothing was executed."""

    NONE = 0
    KIND = 1
    LENGTH = 2
    BUSY = 3
    ORDER = 4
    STALLED = 5


WRITE = "index u16, words u16 ..."
LAYOUTS = {  # between the kind and the check, and what the frame is for
    Kind.IDENTIFY: ("", "who are you; begins a session: any sequence number is new after it"),
    Kind.RESET: (
        "",
        "gives up the image and what its result frames still hold; registers return "
        "to the values they were built with",
    ),
    Kind.PIXELS: (
        f"block u8, bytes x {BLOCK} (in the last block: the rest)",
        "loads pixels, or trains where the network takes spike frames, each in the "
        "fewest bytes that hold pixel_bits; block 0 begins an image, its last block "
        "starts the run",
    ),
    Kind.WEIGHTS: (WRITE, "writes weight memory"),
    Kind.TABLE: (
        WRITE,
        f"writes the SAM table: exp(-gamma d), d = index; from index {TRACE_TABLE} on that of the "
        "traces",
    ),
    Kind.REGISTERS: (WRITE, "writes registers"),
    Kind.EXPERIMENT: (
        WRITE,
        "writes which spikes are taken away (hw.explain.ablation); only where the identity says so",
    ),
    Kind.LABEL: (
        WRITE,
        "writes bytes 0 to 7 of the label in the identity, or none; then the chip "
        "signs what is in its weight memory",
    ),
    Kind.ANSWER: (
        "identity if asked for",
        f"to each request that arrived whole; the code is 0x{0x80:02X} + error",
    ),
    Kind.MAPS: (
        "words",
        "SAM values in the form of the identity, each in the fewest bytes that hold map_bits",
    ),
    Kind.SCORES: ("words", "read-out, signed, each in the fewest bytes that hold score_bits"),
    Kind.COUNTS: (
        f"words u{COUNT_BITS}",
        "spikes of the input and of each spiking layer; where the identity "
        "says so, map values held at the top and cycles in which a result "
        "waited for the wire; then cycles",
    ),
    Kind.TRACES: (
        "words",
        "traces of one layer, (y, x, channel) order, each in the fewest bytes that hold trace_bits",
    ),
}
FORMS = {
    MapEncoding.FULL: "every value: tap after tap, pixel after pixel, step after step",
    MapEncoding.SUM: "the sum over all steps: tap after tap, pixel after pixel",
    MapEncoding.BYTES: "for each pixel an exponent e, then each step's value / 2**e, rounded down",
}
BOOTS = {
    Boot.NONE: "the chip was built without a loader",
    Boot.LOADING: "the weights are being read from flash",
    Boot.LOADED: "the weights in flash were written and answered, frame by frame",
    Boot.REFUSED: "what lies in flash is no whole, undamaged conversation; the label stays 0",
}
MEANINGS = {
    Error.NONE: "executed, now or (same sequence number) just before",
    Error.KIND: "no such request",
    Error.LENGTH: "a length that this request never has",
    Error.BUSY: "an image is running; the request may be sent again",
    Error.ORDER: "this block does not follow the last one, or a write comes amid an image; begin "
                 "again at block 0, or RESET",
    Error.STALLED: "begun, and given up since the accelerator took nothing while a whole later "
                   "frame arrived; RESET, then begin again",
}


@dataclass(frozen=True)
class Tap:
    """A layer whose maps are reported: its index among weighted layers, and the map's sides."""

    index: int
    height: int
    width: int


FIELDS = (  # name, bytes, meaning
    ("magic", 3, "the letters SAM"),
    ("version", 1, "of this protocol"),
    ("signature", 4, "of the weight memory when the label was last written, computed by the chip; "
                     "0 after power-up"),
    ("label", 8, "digest of the network whose weights are loaded; 0 after power-up"),
    ("boot", 1, "what became of the weights in flash: see below"),
    ("digest", 8, "digest of the network that the chip was built for"),
    ("clock_hz", 4, "clock of the accelerator"),
    ("channels", 2, "of the image"),
    ("height", 2, "of the image"),
    ("width", 2, "of the image"),
    ("pixel_bits", 1, "width of a pixel; of a word of a train where it takes spike frames"),
    ("frames", 1, "words a pixel where it takes spike frames, else 0"),
    ("steps", 1, "time steps T"),
    ("classes", 2, "classes scored"),
    ("lanes", 1, "neurons computed at once: the read-out's order"),
    ("word_steps", 1, "steps computed at once"),
    ("form", 1, "of the maps: see below"),
    ("map_bits", 1, "width of a word of the maps"),
    ("score_bits", 1, "width of a read-out value"),
    ("words", 4, "of the weight memory, 16 bits each"),
    ("maps", 4, "words of the maps an image"),
    ("scores", 4, "read-out values an image: group of lanes, step, lane"),
    ("counts", 1, "counts an image"),
    ("counters", 1, "1 if two counters stand before the cycles"),
    ("experiments", 1, "1 if EXPERIMENT is taken"),
    ("trace_bits", 1, "width of a trace, 0 for none"),
    ("trace_layer", 1, "layer of the traces"),
    ("trace_channels", 2, "of that layer"),
    ("trace_height", 2, "of that layer"),
    ("trace_width", 2, "of that layer"),
    ("taps", 1, "number of taps; then for each: index u8, height u16, width u16"),
)
HEX = ("signature", "label", "digest")


@dataclass(frozen=True)
class Identity:
    """What IDENTIFY reports: a field for each row of FIELDS, those of HEX in hex."""

    digest: str
    clock_hz: int
    channels: int
    height: int
    width: int
    steps: int
    classes: int
    lanes: int
    map_bits: int
    score_bits: int
    maps: int
    scores: int
    counts: int
    words: int = 1
    taps: tuple = ()
    word_steps: int = 16
    pixel_bits: int = 8
    frames: int = 0
    form: int = MapEncoding.FULL
    counters: int = 0
    experiments: int = 0
    trace_bits: int = 0
    trace_layer: int = 0
    trace_channels: int = 0
    trace_height: int = 0
    trace_width: int = 0
    boot: int = Boot.NONE
    label: str = "0" * 16
    signature: str = "0" * 8
    version: int = VERSION

    @property
    def image_bytes(self):
        """Bytes of an image in PIXELS requests."""
        words = self.channels * self.height * self.width * max(1, self.frames)
        return words * bytes_of(self.pixel_bits)

    @property
    def traces(self):
        """Traces an image."""
        shape = self.trace_channels, self.trace_height, self.trace_width
        return shape[0] * shape[1] * shape[2] if self.trace_bits else 0

    @property
    def results(self):
        """Words of the results of an image."""
        return self.maps + self.scores + self.counts + self.traces

    def pack(self):
        """Return the bytes on the wire."""
        found = b""
        for name, size, _ in FIELDS:
            value = {"magic": b"SAM", "taps": bytes([len(self.taps)])}.get(name)
            if value is None:
                value = getattr(self, name)
                value = bytes.fromhex(value) if name in HEX else value.to_bytes(size, "big")
            found += value
        for tap in self.taps:
            found += b"".join(value.to_bytes(size, "big") for value, size in (
                (tap.index, 1), (tap.height, 2), (tap.width, 2)))
        return found

    @classmethod
    def unpack(cls, found):
        """Inverse of ``pack``; ValueError if these bytes are not of this version, or no sense."""
        if len(found) < 4 or found[:3] != b"SAM":
            raise ValueError("not a SAM accelerator")
        if found[3] != VERSION:
            raise ValueError(f"the chip speaks protocol version {found[3]}, this program version "
                             f"{VERSION}: build and flash the chip anew, or use its program")
        least = sum(size for _, size, _ in FIELDS)
        if len(found) < least:
            raise ValueError(f"an identity of {len(found)} bytes, not {least} or more")
        values, at = {}, 0
        for name, size, _ in FIELDS:
            field, at = found[at:at + size], at + size
            values[name] = field.hex() if name in HEX else int.from_bytes(field, "big")
        rows = [found[at + 5 * k:at + 5 * k + 5] for k in range(values["taps"])]
        if len(found) != at + 5 * len(rows):
            raise ValueError(f"an identity of {len(found)} bytes, not {at + 5 * len(rows)}")
        values["taps"] = tuple(Tap(row[0], int.from_bytes(row[1:3], "big"),
                                   int.from_bytes(row[3:5], "big")) for row in rows)
        del values["magic"]
        told = cls(**values)
        told.check()
        return told

    def check(self):
        """Raise ValueError unless the fields are such as a chip can have, and agree."""
        def needs(name, right, rule):
            if not right:
                raise ValueError(f"the identity makes no sense: {name} must be {rule}, "
                                 f"not {getattr(self, name)}")

        for name in ("clock_hz", "channels", "height", "width", "steps", "classes", "lanes",
                     "word_steps"):
            needs(name, getattr(self, name) >= 1, "at least 1")
        needs("words", 1 <= self.words <= 2**16, "1 to 65536")
        for name in ("counters", "experiments"):
            needs(name, getattr(self, name) in (0, 1), "0 or 1")
        needs("boot", self.boot in list(Boot), f"0 to {max(Boot)}")
        needs("form", self.form in list(MapEncoding), f"0 to {max(MapEncoding)}")
        for name in ("map_bits", "score_bits"):
            needs(name, 1 <= getattr(self, name) <= 32, "1 to 32")
        needs("map_bits", self.form != MapEncoding.BYTES or self.map_bits == 8, "8 in this form")
        if self.frames:
            needs("pixel_bits", 1 <= self.pixel_bits <= 16, "1 to 16")
            words = -(-self.steps // self.pixel_bits)
            needs("frames", self.frames == words, f"{words} for {self.steps} steps")
        else:
            needs("pixel_bits", self.pixel_bits == 8, "8")
        needs("image_bytes", self.image_bytes <= 256 * BLOCK, f"at most {256 * BLOCK}")
        layers = [tap.index for tap in self.taps]
        needs("taps", layers == sorted(set(layers)) and 0 not in layers
              and all(tap.height and tap.width for tap in self.taps),
              "layers from 1 on, in order, of at least one pixel")
        words = words_of(self.form, steps=self.steps) * sum(
            tap.height * tap.width for tap in self.taps)
        needs("maps", self.maps == words, f"{words} for these taps")
        words = self.steps * self.classes
        needs("scores", self.scores == words, f"{words} for these steps and classes")
        least = 2 + 2 * self.counters
        needs("counts", self.counts >= least, f"at least {least}")
        needs("trace_bits", self.trace_bits <= 32, "0 to 32")
        if self.trace_bits:
            for name in ("trace_layer", "trace_channels", "trace_height", "trace_width"):
                needs(name, getattr(self, name) >= 1, "at least 1")
        needs("results", self.results <= MOST, f"at most {MOST} words")


def words_of(form, *, steps):
    """Words that a form of maps has for a pixel."""
    return {MapEncoding.FULL: steps, MapEncoding.SUM: 1, MapEncoding.BYTES: steps + 1}[form]


def bytes_of(bits):
    """The fewest bytes that hold ``bits`` bits."""
    return (bits + 7) // 8


def check(body):
    """CRC-16 of ``body``: polynomial 0x1021, start 0xFFFF, most significant bit first."""
    return binascii.crc_hqx(body, CHECK_START)


def seal(seq, kind, payload=b""):
    """Return a frame before stuffing: sequence number, kind, payload, check."""
    body = bytes([seq, kind]) + payload
    if len(body) + 2 > FRAME:
        raise ValueError(f"a frame must be at most {FRAME} bytes, not {len(body) + 2}")
    return body + check(body).to_bytes(2, "big")


def unseal(frame):
    """Inverse of ``seal``: (seq, kind, payload), or None if the frame is damaged."""
    if not 4 <= len(frame) <= FRAME or check(frame):
        return None
    return frame[0], frame[1], frame[2:-2]


def stuff(frame):
    """Return the bytes on the wire of a frame, with the FLAG that ends it."""
    escapes = [(byte, bytes([ESCAPE, byte ^ TURN])) for byte in (ESCAPE, FLAG)]
    for byte, escape in escapes:
        frame = frame.replace(bytes([byte]), escape)
    return frame + bytes([FLAG])


def unstuff(some):
    """Inverse of ``stuff``, of bytes up to and without a FLAG; None if it was given up."""
    if some.endswith(bytes([ESCAPE])) and len(re.search(rb"\x7d*$", some)[0]) % 2:
        return None
    return re.sub(rb"\x7d(.)", lambda pair: bytes([pair[1][0] ^ TURN]), some, flags=re.DOTALL)


def blocks(size):
    """Sizes of the blocks that carry an image of ``size`` bytes."""
    if not 1 <= size <= 256 * BLOCK:
        raise ValueError(f"an image must have 1 to {256 * BLOCK} bytes, not {size}")
    whole, rest = divmod(size - 1, BLOCK)
    return [BLOCK] * whole + [rest + 1]


def tables():
    """Return the tables of docs/protocol.md."""
    def table(head, rows):
        return "\n".join(f"| {' | '.join(map(str, row))} |" for row in
                         [head, ["---"] * len(head), *rows])
    sizes = {1: "u8", 2: "u16", 4: "u32"}
    return "\n\n".join([
        table(["kind", "code", "payload", "meaning"],
              [[kind.name, f"0x{kind:02X}", *LAYOUTS[kind]] for kind in Kind]),
        table(["error", "code", "meaning"],
              [[error.name, int(error), MEANINGS[error]] for error in Error]),
        table(["register", "index"], [[each.name, int(each)] for each in Register]),
        table(["identity field", "bytes", "meaning"],
              [[name, sizes.get(size, size), meaning] for name, size, meaning in FIELDS]),
        table(["form", "code", "words of the maps"],
              [[form.name, int(form), FORMS[form]] for form in MapEncoding]),
        table(["boot", "code", "meaning"],
              [[boot.name, int(boot), BOOTS[boot]] for boot in Boot]),
    ])


def main():
    """Print the tables."""
    say(tables())
