"""Proofs turn red when the gateware is broken; ``make formal`` shows that they are green."""

import re

import pytest
from amaranth import C, Cat

from boards.link import crc, deframer, executor, stuffing, uart
from hw.arithmetic import first_of_four
from hw.encode import bernoulli
from hw.engine import dispatcher, readout
from hw.engine.neurons import lif, lif_by_sign
from hw.explain import contribution, tap_queue, tap_reader
from hw.explain.sam import map as pixel_map
from hw.memory import weight_stream
from tests.helpers.planted import changed
from tests.helpers.tampered import cut_off
from verify.formal import PROOFS
from verify.formal.prove import prove, warm

pytestmark = pytest.mark.slow

# fault: (module, class, what stands there, what is put there, component and claim that see it)
FAULTS = {
    "a polynomial of another name": (
        crc,
        "CRC16",
        "(folded << 5)",
        "(folded << 4)",
        "boards.link.crc",
        "shift register",
    ),
    "biases are a pixel's": (
        readout,
        "Readout",
        "segment < plan.reading",
        "segment <= plan.reading",
        "hw.explain.contribution",
        "add up",
    ),
    "contributions of any step": (
        readout,
        "Readout",
        "last_step & (segment",
        "(segment",
        "hw.explain.contribution",
        "add up",
    ),
    "a contribution keeps its fraction bits": (
        contribution,
        "Contribution",
        ">> self.frac",
        ">> 0",
        "hw.explain.contribution",
        "streams keep",
    ),
    "an escape outlives its frame": (
        stuffing,
        "Stuffer",
        "byte ^ Mux(escaped, TURN, 0)",
        "byte ^ TURN",
        "boards.link.stuffing",
        "unstuff",
    ),
    "a bank is filled that is still read": (
        weight_stream,
        "StreamedWeights",
        "(filled - freed)[:2] != 2",
        "(filled - walked)[:2] != 2",
        "hw.memory.weight_stream",
        "one behind the other",
    ),
    "a word goes where a row is read": (
        weight_stream,
        "StreamedWeights",
        "~reading & self.image",
        "self.image",
        "hw.memory.weight_stream",
        "one SPRAM",
    ),
    "a frame begins where the last one ended": (
        deframer,
        "Deframer",
        "[place.eq(0), enough.eq(0), long.eq(0)]",
        "[enough.eq(0), long.eq(0)]",
        "boards.link.deframer",
        "a FLAG ends",
    ),
    "the reader reads the half that is written": (
        deframer,
        "Deframer",
        "read.addr.eq(Cat(at, ~half))",
        "read.addr.eq(Cat(at, half))",
        "boards.link.deframer",
        "reads and writes",
    ),
    "a membrane at the threshold spikes": (
        lif,
        "UNIT",
        ".as_signed() + inclusive)[-1]",
        ".as_signed() + 1)[-1]",
        "hw.engine.lane",
        "LIF step: zero",
    ),
    "what is fed forgets that the neuron has spiked": (
        lif,
        "UNIT",
        "given.eq(Mux(fires, input - drop, input))",
        "given.eq(input)",
        "hw.engine.lane",
        "LIF step: subtract, leak 6554",
    ),
    "a first step is reset by the train before": (
        lif,
        "UNIT",
        "Mux(subtracts & ~self.opens, threshold, 0)",
        "Mux(subtracts, threshold, 0)",
        "hw.engine.lane",
        "LIF step: subtract, leak 6554",
    ),
    "what the distance carries into the leak is dropped": (
        lif_by_sign,
        "SignLif",
        "self.last | ~(leaky & total[shift])",
        "C(1)",
        "lif_by_sign",
        "gt, leak",
    ),
    "a sum narrower than the membrane loses its sign": (
        lif_by_sign,
        "SignLif",
        "Cat(carry, given).as_signed()",
        "Cat(carry, given)",
        "lif_by_sign",
        "gt, leak",
    ),
    "a queue of trains to map that is never full": (
        tap_queue,
        "TapQueue",
        "self.full.eq(level >= DEPTH - self.margin)",
        "self.full.eq(0)",
        "hw.explain.tap_queue",
        "queue stays",
    ),
    "the generator shifts by one bit too many": (
        bernoulli,
        "Bernoulli",
        "state.word_select(n, 8) < level",
        "state.word_select(n, 8) <= level",
        "hw.encode.bernoulli",
        "generator and",
    ),
    "a queue that promises more room than it has": (
        dispatcher,
        "Dispatcher",
        "QUEUE_DEPTH - MARGIN - 4)",
        "QUEUE_DEPTH - MARGIN + 1)",
        "hw.engine.dispatcher",
        "queue stays",
    ),
    "a word is fetched before its count is there": (
        dispatcher,
        "Dispatcher",
        "w_count.addr != tail)),",
        "head != tail)),",
        "hw.engine.dispatcher",
        "queue stays",
    ),
    "what the first four steps held is forgotten": (
        bernoulli,
        "Bernoulli",
        "(quad != 0) & (early | train[-WORD_STEPS:].any())",
        "0",
        "hw.encode.bernoulli",
        "some tells",
    ),
    "a word is read before it can be taken": (
        tap_reader,
        "TapReader",
        "some & ~fresh & self.o.ready",
        "some & ~fresh",
        "hw.explain.tap_reader",
        "streams",
    ),
    "a word is read before it is written": (
        tap_reader,
        "TapReader",
        "(self.addr != end) | within",
        "C(1)",
        "hw.explain.tap_reader",
        "every word",
    ),
    "the byte before is offered as it is acknowledged": (
        executor,
        "Executor",
        "there.eq(self.i.valid & ~eaten)",
        "there.eq(self.i.valid)",
        "boards.link.executor",
        "answered within",
    ),
    "a stop bit that is a bit early": (
        uart,
        "Receiver",
        "timer == self.divisor // 2 - 1",
        "timer == self.divisor - 1",
        "boards.link.uart",
        "bytes sent",
    ),
}

# fault: (name that a module looks up, what it finds there, component and claim that see it)
PLANTED = {
    "scores are cut off, not rounded": (
        "hw.explain.sam.score.rounding", lambda: cut_off, "hw.explain.sam", "NCS update"),
    "traces are cut off, not rounded": (
        "hw.explain.traces.rounding", lambda: cut_off, "hw.explain.traces.Traces", "trace update"),
    "a map sum goes on at the top": (
        "hw.explain.sam.map.held_at_top", lambda: lambda total, width: total[:width],
        "hw.explain.sam", "map sum held"),
    "the highest bit of a map sum is lost": (
        "hw.explain.sam.sam.PixelMap",
        lambda: changed(pixel_map, "else total[:self.width]", "else total[:self.width - 1]"
                        ).PixelMap,
        "hw.explain.sam", "map sum, 19"),
    "a spike is looked up for ever": (
        "hw.explain.sam.scanner.first_of_four", lambda: lambda bits: (bits, first_of_four(bits)[1]),
        "hw.explain.sam", "each spike"),
    "a concatenation for a sum whose addends overlap": (
        "hw.arithmetic.rounding",
        lambda: lambda frac, one, *, unit: Cat(C(1 << frac - 1, frac + unit - 1), one),
        "hw.arithmetic", "differences and sums"),
    "the index of the lowest one of four is that of the highest": (
        "hw.arithmetic.first_of_four",
        lambda: lambda bits: (first_of_four(bits)[0], Cat(bits[1] & ~bits[2] | bits[3],
                                                          bits[2:].any())),
        "hw.arithmetic", "lowest one"),
}


@pytest.fixture(scope="module", autouse=True)
def tools():
    """The first call of YoWASP on a machine takes a minute."""
    warm()


@pytest.mark.rotated
@pytest.mark.parametrize("fault", [*FAULTS, *PLANTED])
def test_red_with(fault, monkeypatch):
    """The proof fails, on an assertion and not for want of a tool."""
    if fault in PLANTED:
        target, make, component, claim = PLANTED[fault]
        monkeypatch.setattr(target, make())
    else:
        module, name, old, new, component, claim = FAULTS[fault]
        broken = getattr(changed(module, old, new), name)
        monkeypatch.setattr(module, name, broken)
    chosen, = [p for p in PROOFS if component in p.component and claim in p.claim][:1]
    verdict = prove(chosen).verdict
    assert re.search("FAIL|UNKNOWN", verdict) and "Assert failed" in verdict, verdict


def test_every_proof_has_covers_and_a_name_of_its_own():
    names = [(proof.component, proof.claim) for proof in PROOFS]
    assert len(set(names)) == len(names)
    assert all(proof.cover for proof in PROOFS)
