"""What the chip says of itself: the answer to IDENTIFY, field by field."""

import enum
from dataclasses import dataclass

from boards.protocol.codec import BLOCK, VERSION, bytes_of
from boards.protocol.outputs import MOST, needs, pack_outputs, unpack_outputs
from golden.network.encoders import ENCODERS
from hw.interface import COUNT_BITS, code_of, score_output

__all__ = [
    "LABEL_AT", "SIGNATURE_AT", "BOOT_AT", "FIELDS", "Boot", "Identity", "MapEncoding", "words_of",
]

SIGNATURE_AT, LABEL_AT = 4, 8  # where those of the weights lie in the identity
BOOT_AT = 16       # and what became of the weights in flash
FIRST_FURTHER = code_of("traces") + 1   # code of the first explanation that has no field in Result
PLANES = sorted({encoder.planes for encoder in ENCODERS.values() if encoder.frames})


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
    ("form", 1, "of the maps: see below"),
    ("words", 4, "of the weight memory, 16 bits each"),
    ("experiments", 1, "1 if EXPERIMENT is taken"),
    ("outputs", 1, "number of streams of results; then a row for each, to the end: see below"),
)
HEX = ("signature", "label", "digest")


@dataclass(frozen=True)
class Identity:
    """What IDENTIFY reports: a field for each row of FIELDS, those of HEX in hex.

    ``outputs`` are {stream: hw.interface.Output} of the words on the wire, in the order of their
    codes (boards.protocol.outputs). A word of the maps is in their form; maps are there even where
    they have no words.
    """

    digest: str
    clock_hz: int
    channels: int
    height: int
    width: int
    steps: int
    classes: int
    lanes: int
    outputs: dict
    words: int = 1
    word_steps: int = 16
    pixel_bits: int = 8
    frames: int = 0
    form: int = MapEncoding.FULL
    experiments: int = 0
    boot: int = Boot.NONE
    label: str = "0" * 16
    signature: str = "0" * 8
    version: int = VERSION

    @property
    def planes(self) -> int:
        """Trains of a channel where it takes frames."""
        return max(1, self.frames // -(-self.steps // self.pixel_bits))

    @property
    def image_bytes(self) -> int:
        """Bytes of an image in PIXELS requests."""
        words = self.channels * self.height * self.width * max(1, self.frames)
        return words * bytes_of(self.pixel_bits)

    @property
    def round_steps(self):
        """Steps after which results of all layers leave; None where those of a layer do at once."""
        return self.outputs["scores"].round_steps

    @property
    def results(self) -> int:
        """Words of the results of an image."""
        return sum(output.count for output in self.outputs.values())

    def pack(self) -> bytes:
        """Return the bytes on the wire."""
        found = b""
        for name, size, _ in FIELDS[:-1]:
            value = b"SAM" if name == "magic" else getattr(self, name)
            if name in HEX:
                value = bytes.fromhex(value)
            found += value if isinstance(value, bytes) else value.to_bytes(size, "big")
        return found + pack_outputs(self.outputs)

    @classmethod
    def unpack(cls, found: bytes) -> "Identity":
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
        for name, size, _ in FIELDS[:-1]:
            field, at = found[at:at + size], at + size
            values[name] = field.hex() if name in HEX else int.from_bytes(field, "big")
        del values["magic"]
        values["outputs"], used = unpack_outputs(found[at:])
        if len(found) != at + used:
            raise ValueError(f"an identity of {len(found)} bytes, not {at + used}")
        identity = cls(**values)
        identity.check()
        return identity

    def check(self) -> None:
        """Raise ValueError unless the fields are such as a chip can have, and agree."""
        def rule(name, right, text):
            needs(name, right, text, getattr(self, name))

        for name in ("clock_hz", "channels", "height", "width", "steps", "classes", "lanes",
                     "word_steps"):
            rule(name, getattr(self, name) >= 1, "at least 1")
        rule("words", 1 <= self.words <= 2**16, "1 to 65536")
        rule("experiments", self.experiments in (0, 1), "0 or 1")
        rule("boot", self.boot in list(Boot), f"0 to {max(Boot)}")
        rule("form", self.form in list(MapEncoding), f"0 to {max(MapEncoding)}")
        if self.frames:
            rule("pixel_bits", 1 <= self.pixel_bits <= 16, "1 to 16")
            words = -(-self.steps // self.pixel_bits)
            rule("frames", self.frames in [words * planes for planes in PLANES],
                 f"{' or '.join(str(words * planes) for planes in PLANES)} for {self.steps} steps")
        else:
            rule("pixel_bits", self.pixel_bits == 8, "8")
        rule("image_bytes", self.image_bytes <= 256 * BLOCK, f"at most {256 * BLOCK}")
        self.check_outputs()
        rule("results", self.results <= MOST, f"at most {MOST} words")

    def check_outputs(self) -> None:
        """Raise ValueError unless the outputs agree with the fields."""
        first = list(self.outputs)[:3]
        needs("outputs", first == ["maps", "scores", "counts"], "maps, scores, counts, and others",
              ", ".join(first) or "none")
        maps, scores, counts = (self.outputs[name] for name in first)
        word = words_of(self.form, steps=self.steps)
        needs("words a pixel of maps", {lengths[2] for lengths in maps.shape.values()} <= {word},
              f"{word} in this form", [lengths[2] for lengths in maps.shape.values()])
        needs("bits of maps", self.form != MapEncoding.BYTES or maps.bits == 8, "8 in this form",
              maps.bits)
        needs("bits of counts", counts.bits == COUNT_BITS, COUNT_BITS, counts.bits)
        wanted = score_output(classes=self.classes, steps=self.steps, lanes=self.lanes,
                              bits=scores.bits)
        needs("scores", (scores.shape, scores.signed) == (wanted.shape, True),
              f"signed, for {self.steps} steps and {self.classes} classes, {self.lanes} at once",
              scores.count)
        rounds = [output.round_steps or 0 for output in self.outputs.values()]
        needs("rounds", rounds[0] == rounds[1] <= max(self.steps, self.word_steps)
              and not any(rounds[2:]), "those of maps and scores, at most those of a run or a word",
              rounds)
        needs("axes of maps", maps.order[2] == ("step" if rounds[0] else "word"),
              "steps in rounds, else words", ", ".join(maps.order))
        needs("form", not rounds[0] or self.form == MapEncoding.FULL, "0 in rounds", self.form)


def words_of(form, *, steps) -> int:
    """Words that a form of maps has for a pixel."""
    return {MapEncoding.FULL: steps, MapEncoding.SUM: 1, MapEncoding.BYTES: steps + 1}[form]
