"""Identities of chips that there are not."""

from boards.protocol.identity import Identity
from boards.protocol.outputs import told
from hw.interface import Output, count_output, score_output


def plain_outputs(*, steps=1, classes=1, lanes=1, taps=(), map_bits=1, score_bits=1, layers=0,
                  counters=False):
    """Outputs of a chip of the form FULL whose maps are those of ``taps``, {layer: sides}."""
    outputs = {
        "maps": Output("maps", ("y", "x", "word"),
                       {tap: (*sides, steps) for tap, sides in dict(taps).items()}, map_bits),
        "scores": score_output(classes=classes, steps=steps, lanes=lanes, bits=score_bits),
        "counts": count_output(layers=layers, counters=counters, flags=True)}
    return {name: told(output) for name, output in outputs.items()}


def plain_identity(*, outputs=None, **fields):
    """The Identity of a chip that does as little as can be."""
    fields = {"digest": "0" * 16, "clock_hz": 1, "channels": 1, "height": 1, "width": 1, "steps": 1,
              "classes": 1, "lanes": 1, **fields}
    sizes = {name: fields[name] for name in ("steps", "classes", "lanes")}
    return Identity(**fields, outputs=outputs or plain_outputs(**sizes))
