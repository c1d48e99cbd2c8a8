"""How the identity describes the results of an image: a row for each stream, alike for all."""

from dataclasses import replace

from hw.interface import Output, streams

__all__ = ["MOST", "PART_FIELDS", "STREAM_FIELDS", "needs", "pack_outputs", "told",
           "unpack_outputs"]

MOST = 2**24       # words of the results of an image, more than any chip has
SIGNED = 0x80      # in the bits of a word
AXES = ("y", "x", "channel", "step", "word", "class", "count")   # bit n of a row's axes: axis n
COUNTS = ("spikes", "counters", "flags", "cycles")               # number of each part of the counts
STREAM_FIELDS = (  # name, bytes, meaning
    ("code", 1, "of the stream: its frames have the kind 0xC0 + code"),
    ("bits", 1, "width of a word; 128 more where words are in two's complement"),
    ("axes", 1, "bit n: the words have axis n of " + ", ".join(AXES) + "; the slowest comes first"),
    ("round", 2, "so many steps of all parts leave together, in rounds until T; 0 where all steps "
                 "of a part leave together"),
    ("group", 1, "so many of the last axis leave together, group after group; 0 where all do"),
    ("parts", 1, "number of parts; then these"),
)
PART_FIELDS = (
    ("number", 1, "layer, from 1 on; of the counts 0 spikes of the input and of each layer, 1 map "
                  "values held at the top and cycles in which a result waited for the wire, "
                  "2 flags, 3 cycles; 0 of the scores"),
    ("lengths", 2, "one for each axis of the stream"),
)


def told(output):
    """An Output as the other side has it: without ``frac`` and ``meaning``."""
    return replace(output, frac=0, meaning="")


def pack_outputs(outputs):
    """Bytes of {stream: Output}, in the order of their codes.

    ValueError where an order of axes, a number or a length is none that a row can have.
    """
    found = bytes([len(outputs)])
    for output in outputs.values():
        axes = [axis for axis in AXES if axis in output.order]
        if list(output.order) != axes:
            raise ValueError(f"words of {output.name} must come in the order {', '.join(AXES)}, "
                             f"not {', '.join(output.order)}")
        parts, group = parts_of(output)
        numbers = {"code": output.code, "bits": output.bits | SIGNED * output.signed,
                   "axes": sum(1 << AXES.index(axis) for axis in axes),
                   "round": output.round_steps or 0, "group": group, "parts": len(parts)}
        found += b"".join(fitting(output, name, numbers[name], size)
                          for name, size, _ in STREAM_FIELDS)
        for number, lengths in parts:
            found += fitting(output, "number", number, 1)
            found += b"".join(fitting(output, "lengths", length, 2) for length in lengths)
    return found


def fitting(output, name, value, size):
    """Bytes of a number, or ValueError."""
    if not 0 <= value < 1 << 8 * size:
        raise ValueError(f"{name} of {output.name} must be 0 to {(1 << 8 * size) - 1}, not {value}")
    return int(value).to_bytes(size, "big")


def parts_of(output):
    """([(number, lengths)] of the rows of an output, its group)."""
    if output.name == "counts":
        return [(COUNTS.index(name), lengths) for name, lengths in output.shape.items()], 0
    if output.name != "scores":
        return list(output.shape.items()), 0
    # Groups of classes are cut by one number, since there may be many.
    (steps, group), *_ = output.shape.values()
    return [(0, (steps, sum(classes for _, classes in output.shape.values())))], group


def unpack_outputs(found):
    """({stream: Output}, bytes used) of the bytes; ValueError if they make no sense."""
    at = 0

    def number(size):
        nonlocal at
        if len(found) < at + size:
            raise ValueError(f"an identity that ends within its outputs, {len(found)} bytes in")
        at += size
        return int.from_bytes(found[at - size:at], "big")

    outputs, names = {}, streams()
    for _ in range(number(1)):
        row = {name: number(size) for name, size, _ in STREAM_FIELDS}
        needs("code", len(names) >= row["code"] > 0, "of a stream that this program knows",
              row["code"])
        name = names[row["code"] - 1]
        order = tuple(axis for n, axis in enumerate(AXES) if row["axes"] >> n & 1)
        parts = [(number(1), tuple(number(2) for _ in order)) for _ in range(row["parts"])]
        needs(f"streams before {name}", name not in outputs and all(
            names.index(other) < row["code"] for other in outputs), "in order", list(outputs))
        outputs[name] = Output(
            name, order, dict(shape_of(name, parts, row["group"])), row["bits"] & ~SIGNED,
            signed=bool(row["bits"] & SIGNED), round_steps=row["round"] or None)
        numbers = list(outputs[name].shape)
        needs(f"parts of {name}", len(numbers) >= row["parts"], "in order, each once",
              [n for n, _ in parts])
        check_output(outputs[name])
    return outputs, at


def shape_of(name, parts, group):
    """(part, lengths) of the parts of a stream, those of scores cut into groups."""
    if name == "counts":
        needs("parts of counts", all(n < len(COUNTS) for n, _ in parts), "0 to 3",
              [n for n, _ in parts])
        return [(COUNTS[n], lengths) for n, lengths in parts]
    if name != "scores":
        needs(f"group of {name}", group == 0, "0", group)
        return parts
    needs("parts of scores", len(parts) == 1 and len(parts[0][1]) == 2, "one, of two axes",
          len(parts))
    needs("group of scores", group >= 1, "at least 1", group)
    (_, (steps, classes)), = parts
    return [(first, (steps, min(group, classes - first))) for first in range(0, classes, group)]


ORDERS = {"maps": (("y", "x", "word"), ("y", "x", "step")), "scores": (("step", "class"),),
          "counts": (("count",),), "traces": (("y", "x", "channel"),)}   # further ones have any


def check_output(output):
    """Raise ValueError unless an output is such as a chip can have."""
    name, parts = output.name, list(output.shape)
    needs(f"bits of {name}", 1 <= output.bits <= 32, "1 to 32", output.bits)
    orders = ORDERS.get(name)
    needs(f"axes of {name}", output.order in orders if orders else output.order,
          "those of its words", ", ".join(output.order) or "none")
    needs(f"lengths of {name}", all(min(lengths) >= 1 for lengths in output.shape.values()),
          "at least 1", 0)
    if name == "counts":
        needs("parts of counts", parts == [each for each in COUNTS if each in parts]
              and {"spikes", "flags", "cycles"} <= set(parts), "spikes, flags and cycles, in order",
              parts)
        sizes = [output.shape[each][0] for each in parts[1:]]
        needs("lengths of counts", sizes in ([1, 1], [2, 1, 1]), "one of each behind the spikes",
              sizes)
    elif name != "scores":
        # A network whose maps are not asked for has no parts of them.
        needs(f"parts of {name}", parts == sorted(parts) and 0 not in parts
              and (parts or name == "maps"), "layers from 1 on, in order", parts)
    needs(f"parts of {name}", name != "traces" or len(parts) == 1, "one layer", parts)
    needs(f"words of {name}", output.count <= MOST, f"at most {MOST}", output.count)


def needs(what, right, rule, value):
    """ValueError unless ``right``."""
    if not right:
        raise ValueError(f"the identity makes no sense: {what} must be {rule}, not {value}")

