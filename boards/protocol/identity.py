"""What the chip says of itself: the answer to IDENTIFY, field by field."""

import enum
from dataclasses import dataclass
from functools import cached_property

from boards.protocol.codec import BLOCK, VERSION, bytes_of
from golden.network.encoders import ENCODERS
from hw.interface import Output, code_of, count_output, score_output, streams

__all__ = [
    "LABEL_AT", "SIGNATURE_AT", "BOOT_AT", "FIELDS", "Boot", "Identity", "MapEncoding", "Part",
    "Tap", "parts_of", "words_of",
]

SIGNATURE_AT, LABEL_AT = 4, 8  # where those of the weights lie in the identity
BOOT_AT = 16       # and what became of the weights in flash
FIRST_FURTHER = code_of("traces") + 1   # code of the first explanation without fields of its own
PLANES = sorted({encoder.planes for encoder in ENCODERS.values() if encoder.frames})
SIGNED = 0x80      # in the bits of a word of a further explanation
MOST = 2**24       # words of the results of an image, more than any chip has


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


@dataclass(frozen=True)
class Tap:
    """A layer whose maps are reported: its index among weighted layers, and the map's sides."""

    index: int
    height: int
    width: int


@dataclass(frozen=True)
class Part:
    """The words of a layer in the stream of a further explanation, as hw.interface.Output has them.

    ``code`` and ``bits`` are of the stream, with SIGNED in ``bits`` where its words have a sign;
    lengths are of the axes, 0 where it has no such axis.
    """

    code: int
    bits: int
    layer: int
    height: int = 0
    width: int = 0
    channels: int = 0
    steps: int = 0


PART = (("code", 1), ("bits", 1), ("layer", 1), ("height", 2), ("width", 2), ("channels", 2),
        ("steps", 2))                             # field and bytes
PART_BYTES = sum(size for _, size in PART)
LENGTHS = {"y": "height", "x": "width", "channel": "channels", "step": "steps"}  # in their order
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
    ("pixel_bits", 1, "width of a pixel; of a word of a train where it takes frames"),
    ("frames", 1, "words a pixel where it takes frames, else 0"),
    ("steps", 2, "time steps T"),
    ("classes", 2, "classes scored"),
    ("lanes", 1, "neurons computed at once: the read-out's order"),
    ("word_steps", 1, "steps of a word of a train"),
    ("round_steps", 2, "steps after which results of all layers leave, in rounds until T; 0 where "
                       "all steps of a layer leave together"),
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
    ("taps", 1, "number of taps; then for each: index u8, height u16, width u16; then, to the end, "
                "for each layer of a further explanation: code u8, bits u8 (128 more where words "
                "are in two's complement), layer u8, height u16, "
                "width u16, channels u16, steps u16, 0 for an axis that its words do not have"),
)
HEX = ("signature", "label", "digest")


@dataclass(frozen=True)
class Identity:
    """What IDENTIFY reports: a field for each row of FIELDS, those of HEX in hex.

    ``further`` is a tuple of Part, the words of a stream in (y, x, channel, step) order.
    """

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
    further: tuple = ()
    word_steps: int = 16
    round_steps: int = 0
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
    def planes(self):
        """Trains of a channel where it takes frames."""
        return max(1, self.frames // -(-self.steps // self.pixel_bits))

    @property
    def image_bytes(self):
        """Bytes of an image in PIXELS requests."""
        words = self.channels * self.height * self.width * max(1, self.frames)
        return words * bytes_of(self.pixel_bits)

    @cached_property
    def outputs(self):
        """{stream: hw.interface.Output} of the words on the wire, in the order of their codes.

        A word of the maps is in their form; maps are there even where they have no words.
        """
        words = words_of(self.form, steps=self.steps)
        rounds = self.round_steps or None
        found = {
            "maps": Output("maps", ("y", "x", "step" if rounds else "word"), {
                tap.index: (tap.height, tap.width, words) for tap in self.taps}, self.map_bits,
                round_steps=rounds),
            "scores": score_output(classes=self.classes, steps=self.steps, lanes=self.lanes,
                                   bits=self.score_bits, round_steps=rounds),
            "counts": count_output(layers=self.counts - 2 - 2 * self.counters,
                                   counters=bool(self.counters))}
        if self.trace_bits:
            found["traces"] = Output(
                "traces", ("y", "x", "channel"), {self.trace_layer: (
                    self.trace_height, self.trace_width, self.trace_channels)}, self.trace_bits)
        for part in self.further:
            name = streams()[part.code - 1]
            lengths = {axis: getattr(part, field) for axis, field in LENGTHS.items()}
            found.setdefault(name, Output(
                name, tuple(axis for axis, length in lengths.items() if length), {},
                part.bits & ~SIGNED, signed=bool(part.bits & SIGNED)))
            found[name].shape[part.layer] = tuple(filter(None, lengths.values()))
        return found

    @property
    def results(self):
        """Words of the results of an image."""
        return sum(output.count for output in self.outputs.values())

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
        for part in self.further:
            found += b"".join(getattr(part, name).to_bytes(size, "big") for name, size in PART)
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
        end = at + 5 * len(rows)
        if len(found) < end or (len(found) - end) % PART_BYTES:
            raise ValueError(f"an identity of {len(found)} bytes, not {end}")
        values["further"] = tuple(part_of(found[n:n + PART_BYTES])
                                  for n in range(end, len(found), PART_BYTES))
        values["taps"] = tuple(Tap(row[0], int.from_bytes(row[1:3], "big"),
                                   int.from_bytes(row[3:5], "big")) for row in rows)
        del values["magic"]
        identity = cls(**values)
        identity.check()
        return identity

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
        needs("round_steps", self.round_steps <= max(self.steps, self.word_steps),
              "at most those of a run or of a word")
        needs("form", not self.round_steps or self.form == MapEncoding.FULL, "0 in rounds")
        needs("map_bits", self.form != MapEncoding.BYTES or self.map_bits == 8, "8 in this form")
        if self.frames:
            needs("pixel_bits", 1 <= self.pixel_bits <= 16, "1 to 16")
            words = -(-self.steps // self.pixel_bits)
            needs("frames", self.frames in [words * planes for planes in PLANES],
                  f"{' or '.join(str(words * planes) for planes in PLANES)} for {self.steps} steps")
        else:
            needs("pixel_bits", self.pixel_bits == 8, "8")
        needs("image_bytes", self.image_bytes <= 256 * BLOCK, f"at most {256 * BLOCK}")
        layers = [tap.index for tap in self.taps]
        needs("taps", layers == sorted(set(layers)) and 0 not in layers
              and all(tap.height and tap.width for tap in self.taps),
              "layers from 1 on, in order, of at least one pixel")
        names, axes = streams(), {}
        for part in self.further:
            lengths = tuple(bool(getattr(part, field)) for field in LENGTHS.values())
            needs("further", len(names) >= part.code > FIRST_FURTHER - 1,
                  "of explanations that this program knows")
            needs("further", 1 <= part.bits & ~SIGNED <= 32 and part.layer and any(lengths),
                  "of some words")
            needs("further", axes.setdefault(part.code, (part.bits, lengths))
                  == (part.bits, lengths), "alike for each layer of a stream")
        least = 2 + 2 * self.counters
        needs("counts", self.counts >= least, f"at least {least}")
        for name, what in (("maps", "taps"), ("scores", "steps and classes")):
            words = self.outputs[name].count
            needs(name, getattr(self, name) == words, f"{words} for these {what}")
        needs("trace_bits", self.trace_bits <= 32, "0 to 32")
        if self.trace_bits:
            for name in ("trace_layer", "trace_channels", "trace_height", "trace_width"):
                needs(name, getattr(self, name) >= 1, "at least 1")
        needs("results", self.results <= MOST, f"at most {MOST} words")


def part_of(row):
    """The Part of its bytes."""
    values, at = {}, 0
    for name, size in PART:
        values[name] = int.from_bytes(row[at:at + size], "big")
        at += size
    return Part(**values)


def parts_of(output):
    """A Part for each layer of an Output; ValueError unless its order is that of LENGTHS."""
    order = [axis for axis in LENGTHS if axis in output.order]
    if list(output.order) != order:
        raise ValueError(f"words of {output.name} must come in the order {', '.join(LENGTHS)}, "
                         f"not {', '.join(output.order)}")
    bits = output.bits | SIGNED * output.signed
    return tuple(Part(output.code, bits, layer, **{
        LENGTHS[axis]: length for axis, length in zip(order, lengths, strict=True)})
        for layer, lengths in output.shape.items())


def words_of(form, *, steps):
    """Words that a form of maps has for a pixel."""
    return {MapEncoding.FULL: steps, MapEncoding.SUM: 1, MapEncoding.BYTES: steps + 1}[form]
