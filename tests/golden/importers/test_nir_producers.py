"""What producers of NIR graphs mean: each rule by numbers that the producer's own code gives."""

import math

import nir
import numpy as np
import pytest

from golden import from_nir
from golden.importers import fidelity, producers
from golden.importers.agreement import of_reference, of_rule
from golden.importers.nir import main
from golden.importers.quantise import quantise_with_report
from golden.io.errors import BadInput
from golden.run import run
from tests.helpers.exits import exit_code

# Steps of the NIR paper's first task in which its input spikes, of 1,000 of .1 ms.
TASK = [60, 220, 270, 310, 320, 350, 370, *range(400, 421, 10), *range(430, 531, 10),
        *range(670, 791, 10), 840, 850]
TASK.remove(420)
TASK.remove(790)


def chain(*nodes, inputs=1, outputs=1):
    """A NIR graph of nodes one after the other."""
    names = ["input", *map(str, range(len(nodes))), "output"]
    return nir.NIRGraph(
        {"input": nir.Input(np.array([inputs])), **{str(n): node for n, node in enumerate(nodes)},
         "output": nir.Output(np.array([outputs]))}, list(zip(names, names[1:], strict=False)))


def spikes_of(network, frames):
    """(spikes of the last layer (N, T, classes) of the integers, Report)."""
    made, why = quantise_with_report(network, bits=8)
    last = run(frames, made).spikes[made.stages[-1].index]
    return last[..., 0, 0], fidelity.compare(network, made, why, frames)


def frames_of(*trains):
    """Frames (1, T, channels, 1, 1) of trains."""
    return np.array(trains, np.uint8).T.reshape(1, -1, len(trains), 1, 1)


def task():
    frames = np.zeros((1, 1000, 1, 1, 1), np.uint8)
    frames[0, TASK] = 1
    return frames


def lif(tau, r, threshold, **fields):
    one = np.ones(1)
    return nir.LIF(tau=tau * one, r=r * one, v_leak=0 * one, v_threshold=threshold * one, **fields)


@pytest.mark.parametrize("options, steps", [
    ({"producer": "norse", "dt": 1e-4}, [460, 510, 710, 760]),
    ({"producer": "rockpool"}, [450, 500, 710, 760]),
    ({"reset": "zero"}, [460, 510, 710, 760]),
    ({"reset": "zero", "decay": "exp"}, [450, 500, 710, 760]),
])
def test_the_nir_papers_first_task(options, steps):
    """What Norse and Rockpool published for its 1,000 steps."""
    graph = chain(nir.Affine(np.ones((1, 1), np.float32), np.zeros(1)),
                  lif(np.float32(0.0025), 1.0, np.float32(0.1)))
    network = from_nir(graph, steps=1000, encoder="frames", **options)
    got, _ = spikes_of(network, task())
    assert np.flatnonzero(got[0, :, 0]).tolist() == steps


def test_rockpools_decay_is_told_from_its_gain():
    """An input gain of exp(-dt / tau) names the rule; the report says so."""
    graph = chain(nir.Linear(np.array([[0.03999999910593033]])),
                  lif(0.0024999999441206455, 24.019737243652344, 0.10000000149011612))
    train = np.zeros(255, np.uint8)
    train[[0, 10, 20, *range(160, 251, 10)]] = 1
    for options in ({"reset": "subtract"}, {"producer": "rockpool"}):
        network = from_nir(graph, steps=255, encoder="frames", readout="count", **options)
        got, report = spikes_of(network, frames_of(train))
        assert np.flatnonzero(got).tolist() == [200, 250]
        assert any("exp(-dt / tau)" in note for note in report.lines[0].notes)
    euler = from_nir(graph, steps=255, encoder="frames", producer="rockpool", decay="euler")
    assert np.flatnonzero(spikes_of(euler, frames_of(train))[0]).tolist() != [200, 250]


@pytest.mark.parametrize("options", [{"reset": "zero", "dt": 1e-3}, {"producer": "norse"}])
def test_norses_time_constant_is_taken_as_it_meant_it(options):
    """Norse 1.1 writes tau dt for tau: 1e-5 is a tau_mem_inv of 100."""
    graph = chain(nir.Affine(np.array([[1.0]]), np.zeros(1)), lif(1e-3 / 100, 1.0, 1.0))
    layer = from_nir(graph, steps=8, **options).layers[0]
    assert float(layer.neuron.beta) == 0.9 and layer.weights.item() == pytest.approx(0.1)
    assert any("Norse" in note for note in layer.notes)
    with pytest.raises(BadInput, match="below the time step of 0.001; give another --dt, or"):
        from_nir(chain(nir.Affine(np.array([[1.0]]), np.zeros(1)), lif(1e-5, 0.5, 1.0)),
                 dt=1e-3, reset="zero")


@pytest.mark.parametrize("leak", [False, True])
def test_spikingjelly_starts_at_v_reset(leak):
    """Integers give the spikes of its own step; without its name the report says what is open."""
    drive, rest, threshold, dt, tau = 0.25, 0.5, 1.0, 1e-4, 4e-4
    one = np.ones(1)
    node = (nir.LIF(tau=tau * one, r=tau / dt * one, v_leak=rest * one, v_threshold=threshold * one,
                    v_reset=rest * one) if leak else
            nir.IF(r=one / dt, v_threshold=threshold * one, v_reset=rest * one))
    graph = chain(nir.Linear(np.array([[drive]])), node)
    frames = frames_of(np.ones(8, np.uint8))
    v, want = rest, []
    for _ in range(8):
        v = v + drive - (dt / tau * (v - rest) if leak else 0)
        want.append(int(v >= threshold))
        v = rest if want[-1] else v
    network = from_nir(graph, producer="spikingjelly", steps=8, encoder="frames")
    got, report = spikes_of(network, frames)
    assert got.ravel().tolist() == want and sum(want) and not report.approximate
    plain = from_nir(graph, reset="zero", compare="ge", steps=8, encoder="frames")
    got, report = spikes_of(plain, frames)
    assert got.ravel().tolist() != want
    assert any("start at 0" in note and "SpikingJelly" in note for note in report.lines[0].notes)


def sinabs_graph(weights=((2.5, -3.0),)):
    return chain(nir.Linear(np.array(weights)), nir.IF(r=np.ones(1), v_threshold=np.ones(1)),
                 inputs=2)


def test_several_spikes_a_step_are_refused_by_name():
    """Sinabs' neurons have no single-spike equal; told so, or taken and counted."""
    with pytest.raises(BadInput, match=r"node '1' \(IF\): sinabs 3.1 fires floor\(v / threshold\)"):
        from_nir(sinabs_graph(), producer="sinabs", steps=6, encoder="frames")
    network = from_nir(sinabs_graph(), producer="sinabs", steps=6, encoder="frames",
                       allow_different=True)
    frames = frames_of([1, 0, 0, 1, 1, 0], [0, 1, 1, 0, 0, 0])
    v, want = 0.0, []
    for x in frames[0, :, :, 0, 0]:
        v += float(np.array([2.5, -3.0]) @ x)
        count = max(0, math.floor(v))
        want.append(count)
        v = max(v - count, -1.0)
    counts, _ = producers.many_spikes(frames.astype(np.int16), network)
    assert counts[0].ravel().tolist() == want and max(want) > 1
    found = of_rule(network, frames, producers.many_spikes, "sinabs 3.1")
    assert found.lines()[0] == (
        "sinabs 3.1 = float network on 1 of 1 predictions, 50.0000 % of spikes")
    assert not found.same
    _, report = spikes_of(network, frames)
    assert "several spikes" in report.lines[0].reasons[0]
    _, report = spikes_of(from_nir(sinabs_graph(), reset="subtract", dt=1.0, steps=6,
                                   encoder="frames"), frames)
    assert any("sinabs and Rockpool fire several" in note for note in report.lines[0].notes)
    for options in ({"producer": "sinabs", "spikes": "single"}, {"producer": "rockpool"}):
        _, report = spikes_of(from_nir(sinabs_graph(), steps=6, encoder="frames", **options),
                              frames)
        assert any("single spikes, " in note for note in report.lines[0].notes)
        assert not any("several" in reason for reason in report.lines[0].reasons)
    for options in ({"reset": "subtract"}, {"producer": "rockpool"}):
        with pytest.raises(BadInput, match="spikes in a step"):
            from_nir(sinabs_graph(), steps=6, encoder="frames", spikes="several", **options)
    with pytest.raises(BadInput, match="spikes: must be one of single, several, not many"):
        from_nir(sinabs_graph(), producer="sinabs", spikes="many")


def stepped(frames, weight, tau, gain):
    """Spikes (1, T, 1) of sinabs 3.1's lif_forward_single with SingleSpike, MembraneSubtract."""
    alpha, v, found = math.exp(-1 / tau), 0.0, []
    for x in frames[0, :, 0, 0, 0]:
        v = alpha * v + {"one": 1.0, "normalised": 1 - alpha}[gain] * weight * float(x)
        found.append(int(v >= 1))
        v -= found[-1]
    return np.array(found, np.uint8).reshape(1, -1, 1)


@pytest.mark.parametrize("gain, weight", [("one", 0.75), ("normalised", 3.5)])
def test_what_sinabs_leaking_neurons_take_of_an_input_must_be_told(gain, weight):
    """Its graphs have r = 1 with norm_input and without; what is subtracted leaks afterwards."""
    frames = frames_of(np.random.default_rng(2).integers(0, 2, 200).astype(np.uint8))
    graph = chain(nir.Linear(np.array([[weight]])), lif(4.0, 1.0, 1.0))
    how = {"steps": 200, "encoder": "frames", "producer": "sinabs", "spikes": "single"}
    with pytest.raises(BadInput, match=r"node '1' \(LIF\): sinabs 3.1 does not write .*--gain one"):
        from_nir(graph, **how)
    network = from_nir(graph, gain=gain, **how)
    want = stepped(frames, weight, 4.0, gain)
    assert 20 < want.sum() < 150 and of_reference(network, frames, want).lines() == [
        "reference = float network on 1 of 1 predictions, 100 % of spikes"]
    for other in ({"gain": "nir"}, {"gain": gain, "reset": "subtract"}, {"gain": gain, "dt": 2.0}):
        assert not of_reference(from_nir(graph, **{**how, **other}), frames, want).same


def test_rockpools_reset_leaks_and_its_threshold_fires():
    """Its LIFTorch: v <- alpha v + x, a spike where v >= threshold, then v <- v - threshold."""
    dt, tau, weight = 1e-4, 4e-4, 0.5
    frames = frames_of(np.r_[1, 1, np.random.default_rng(3).integers(0, 2, 198)].astype(np.uint8))
    alpha, v, want = math.exp(-dt / tau), 0.0, []
    for x in frames[0, :, 0, 0, 0]:
        v = alpha * v + weight * float(x)
        want.append(int(v >= 0.5))
        v -= 0.5 * want[-1]
    graph = chain(nir.Linear(np.array([[weight]])), lif(tau, tau / dt, 0.5))
    how = {"steps": 200, "encoder": "frames", "producer": "rockpool"}
    want = np.array(want, np.uint8).reshape(1, -1, 1)
    assert of_reference(from_nir(graph, **how), frames, want).same and 50 < want.sum() < 150
    for other in ({"reset": "subtract"}, {"compare": "gt"}):
        found = of_reference(from_nir(graph, **how, **other), frames, want)
        assert found.equal < found.total


def test_every_rule_is_named():
    """With a producer the report has its rules; told rules go before it."""
    graph = chain(nir.Linear(np.ones((1, 1))), lif(1e-3, 10.0, 1.0))
    note = from_nir(graph, producer="snntorch").layers[0].notes[-1]
    assert note == ("as snnTorch 1.0: dt 0.0001, decay 1 - dt / tau, reset subtract, spike where v "
                    "> threshold")
    layer = from_nir(graph, producer="snntorch", reset="subtract_now", compare="ge").layers[0]
    assert (layer.neuron.reset, layer.neuron.compare) == ("subtract_now", "ge")
    with pytest.raises(BadInput, match="reset: NIR names none: name the producer"):
        from_nir(graph)
    with pytest.raises(BadInput, match="producer: must be one of snntorch, norse"):
        from_nir(graph, producer="brian")


# --- shapes ---------------------------------------------------------------------------------------


class Written:
    """A graph as a file of an older NIR has it."""

    def __init__(self, nodes, edges):
        self.plain = {"nodes": nodes, "edges": edges}

    def to_dict(self):
        return self.plain


def batched(flatten=True):
    """Input, parameters and Flatten with a batch axis."""
    weights = np.round(np.random.default_rng(0).normal(size=(2, 1, 3, 3)) * 4) / 4
    nodes = {
        "input": {"type": "Input", "shape": np.array([1, 1, 8, 8])},
        "c": {"type": "Conv2d", "weight": weights, "bias": np.zeros(2), "stride": 1, "padding": 0,
              "dilation": 1, "groups": 1},
        "n": {"type": "IF", "r": np.ones((1, 2, 6, 6)), "v_threshold": np.ones((1, 2, 6, 6))},
        "i": {"type": "Identity"},
        "f": {"type": "Flatten", "start_dim": 1, "end_dim": -1},
        "l": {"type": "Linear", "weight": np.ones((3, 72))},
        "m": {"type": "IF", "r": np.ones((1, 3)), "v_threshold": np.float64(1.0)},
        "output": {"type": "Output", "shape": np.array([1, 3])}}
    if not flatten:
        nodes.pop("f")
    names = list(nodes)
    return Written(nodes, list(zip(names, names[1:], strict=False)))


@pytest.mark.parametrize("flatten", [True, False])
def test_batch_axes_identities_scalars_and_no_flatten(flatten):
    """Files of NIR 0.x, and of producers that leave the Flatten out."""
    network = from_nir(batched(flatten), reset="subtract", steps=4, encoder="frames")
    assert network.shape == (1, 8, 8) and network.stages[-1].layer.weights.shape == (3, 72)


def test_a_broken_edge_within_a_graph_is_named():
    """By the path of the graph that it is in, and with the nodes that there are."""
    inner = {"type": "NIRGraph", "nodes": {
        "input": {"type": "Input", "shape": np.array([2])},
        "lif1": {"type": "IF", "r": np.ones(2), "v_threshold": np.ones(2)},
        "output": {"type": "Output", "shape": np.array([2])}},
        "edges": [("input", "lif"), ("lif", "output")]}
    graph = Written({"input": {"type": "Input", "shape": np.array([2])}, "hidden": inner,
                     "output": {"type": "Output", "shape": np.array([2])}},
                    [("input", "hidden"), ("hidden", "output")])
    with pytest.raises(BadInput, match="edge input -> lif in graph 'hidden': there is no node "
                                       "'lif'; those there are: input, lif1, output"):
        from_nir(graph, reset="subtract", steps=4)


# --- the check, and the command -------------------------------------------------------------------


def test_reference_spikes_are_compared():
    """Equal spikes pass, one spike moved is found with its step."""
    graph = chain(nir.Linear(np.array([[0.5]])), lif(2e-4, 2.0, 0.75))
    network = from_nir(graph, producer="snntorch", steps=8, encoder="frames")
    frames = frames_of([1, 1, 1, 0, 1, 1, 0, 1])
    wanted, _ = spikes_of(network, frames)
    assert wanted.any() and of_reference(network, frames, wanted).same
    moved = wanted.copy()
    moved[0, 5] ^= 1
    found = of_reference(network, frames, moved)
    assert not found.same and "87.5000 % of spikes" in found.lines()[0]
    with pytest.raises(BadInput, match="images, steps, classes"):
        of_reference(network, frames, wanted[:, :5])


def test_the_command_reads_a_producer_and_a_reference(tmp_path, capsys):
    """The check is the report's first line; a difference fails unless it is allowed."""
    path, out, images = tmp_path / "a.nir", tmp_path / "a.npz", tmp_path / "images.npy"
    nir.write(path, chain(nir.Affine(np.ones((1, 1), np.float32), np.zeros(1)),
                          lif(np.float32(0.0025), 1.0, np.float32(0.1))))
    np.save(images, task())
    reference = np.zeros((1, 1000, 1), np.uint8)
    reference[0, [450, 500, 710, 760]] = 1
    np.save(tmp_path / "spikes.npy", reference)
    options = ["--steps", 1000, "--encoder", "frames", "--calibrate", images, "--out", out,
               "--reference", tmp_path / "spikes.npy"]
    assert exit_code(main, path, "--from", "rockpool", *options) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[0].startswith(
        "reference = float network on 1 of 1 predictions, 100 % of spikes")
    assert out.exists()
    out.unlink()
    assert exit_code(main, path, "--from", "norse", "--dt", 1e-4, *options) == 2
    assert "they part in layer 1" in capsys.readouterr().err and not out.exists()
    assert exit_code(main, path, "--from", "norse", "--dt", 1e-4, *options,
                     "--allow-different") == 0
    assert out.exists()
    assert exit_code(main, path, "--reset", "zero", "--out", out, "--reference", images) == 2
    assert "--reference: needs --calibrate" in capsys.readouterr().err


def test_a_loop_is_read_whichever_edge_comes_first():
    """A neuron's own weights are no node of the chain, however the edges are sorted."""
    one = {"w": nir.Linear(np.ones((2, 2))), "n": lif(1e-3, 10.0, 1.0), "back": nir.Linear(
        np.ones((2, 2)))}
    edges = [("input", "w"), ("w", "n"), ("n", "back"), ("back", "n"), ("n", "output")]
    for order in (edges, edges[::-1]):
        graph = nir.NIRGraph({"input": nir.Input(np.array([2])), **one,
                              "output": nir.Output(np.array([2]))}, order, type_check=False)
        layer, = from_nir(graph, producer="snntorch").layers
        assert np.array_equal(layer.recurrent.weights, np.ones((2, 2)))
