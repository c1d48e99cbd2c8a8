"""Payloads of the streams within the link and between link and accelerator."""

from amaranth.lib import data

from hw.control.counts import COUNT
from hw.control.registers import CONFIG

__all__ = ["ANSWER", "CONFIG", "COUNT", "LABEL", "REQUEST", "TOKEN", "VERDICT", "pixel"]

REQUEST = data.StructLayout({"data": 8, "last": 1})                  # a byte of a request
VERDICT = data.StructLayout({"error": 3, "identity": 1})             # what ends a request
ANSWER  = data.StructLayout({"seq": 8, "error": 3, "identity": 1})
LABEL   = data.StructLayout({"data": 8, "index": 3, "signature": 1})
TOKEN   = data.StructLayout({"data": 8, "end": 1})                    # of a frame, or its end


def pixel(bits: int) -> data.StructLayout:
    """Layout of a pixel of ``bits`` bits."""
    return data.StructLayout({"data": bits, "first": 1})
