"""Verilog of a component: what Yosys says becomes one line."""

import pytest
from amaranth import *
from amaranth._toolchain.yosys import YosysError
from amaranth.back import verilog

from flow.verilog import verilog_of
from golden.io.errors import Fault


def test_of_a_component():
    m = Module()
    o = Signal(3)
    m.d.sync += o.eq(o + 1)
    assert "module counter" in verilog_of(m, name="counter", ports=[o])


def test_a_failure_is_one_line(monkeypatch):
    def convert(component, **options):
        raise YosysError("  File runpy, line 198\nCannot allocate memory (os error 12)\n")
    monkeypatch.setattr(verilog, "convert", convert)
    with pytest.raises(Fault, match=r"^Yosys cannot make Verilog of this: Cannot allocate memory"):
        verilog_of(Module())
