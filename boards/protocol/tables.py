"""python -m boards.protocol: print the tables of docs/protocol.md."""

from boards.protocol.codec import BLOCK, MEANINGS, Error, Kind
from boards.protocol.identity import FIELDS, Boot, MapEncoding
from boards.protocol.outputs import PART_FIELDS, STREAM_FIELDS
from golden.io.text import say
from hw.interface import COUNT_BITS, Flag, Register, table_space

__all__ = ["main", "tables"]

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
        "loads pixels, or trains where the network takes frames, each in the "
        "fewest bytes that hold pixel_bits; block 0 begins an image, its last block "
        "starts the run",
    ),
    Kind.WEIGHTS: (WRITE, "writes weight memory"),
    Kind.TABLE: (
        WRITE,
        "writes the SAM table: exp(-gamma d), d = index; the kinds from this one to "
        f"0x{Kind.WEIGHTS + 15:02X} are those of explanations' tables, the second "
        f"(0x{Kind.WEIGHTS + table_space('traces'):02X}) that of the traces",
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
        "SAM values in the form of the identity, each in the fewest bytes that hold its bits",
    ),
    Kind.SCORES: ("words", "read-out, signed, each in the fewest bytes that hold its bits"),
    Kind.COUNTS: (
        f"words u{COUNT_BITS}",
        "spikes of the input and of each spiking layer; where the identity "
        "says so, map values held at the top and cycles in which a result "
        "waited for the wire; flags; then cycles",
    ),
    Kind.TRACES: (
        "words",
        "traces of one layer, (y, x, channel) order, each in the fewest bytes that hold its bits",
    ),
}
FORMS = {
    MapEncoding.FULL: "every value: tap after tap, pixel after pixel, step after step",
    MapEncoding.SUM: "the sum over all steps: tap after tap, pixel after pixel",
    MapEncoding.BYTES: "for each pixel an exponent e, then each step's value / 2**e, rounded down",
}
FLAGS = {
    Flag.CORRUPT: "the weight memory no longer holds what was written",
    Flag.DAMAGED: "weights that are streamed came damaged from flash: the results are void",
}
BOOTS = {
    Boot.NONE: "the chip was built without a loader",
    Boot.LOADING: "the weights are being read from flash",
    Boot.LOADED: "the weights in flash were written and answered, frame by frame",
    Boot.REFUSED: "what lies in flash is no whole, undamaged conversation; the label stays 0",
}


def tables() -> str:
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
        *(table([f"{what} field", "bytes", "meaning"],
                [[name, sizes[size], meaning] for name, size, meaning in fields])
          for what, fields in (("stream", STREAM_FIELDS), ("part", PART_FIELDS))),
        table(["flag", "bit", "meaning"],
              [[flag.name, int(flag), FLAGS[flag]] for flag in Flag]),
        table(["form", "code", "words of the maps"],
              [[form.name, int(form), FORMS[form]] for form in MapEncoding]),
        table(["boot", "code", "meaning"],
              [[boot.name, int(boot), BOOTS[boot]] for boot in Boot]),
    ])


def main() -> None:
    """Print the tables."""
    say(tables())
