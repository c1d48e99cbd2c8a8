"""``compile``: from what a user has to a network that runs, explains, fits and is built."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from golden.formats import GAMMA
from golden.importers import fidelity
from golden.importers.agreement import of_reference
from golden.importers.float_network import FloatNetwork
from golden.importers.quantise import quantise_with_report
from golden.io.console import Console
from golden.io.errors import rule
from golden.io.files import output, publishing
from golden.io.processes import folder
from golden.io.reading import array
from golden.io.shipped import sample_of
from golden.network import Network
from golden.network.encoders import encoder_of
from sam_snn.choosing import bits_for
from sam_snn.fitting import Fits, fits
from sam_snn.sources import pictures, read

__all__ = ["Compiled", "Explained", "compile"]

AGREEING = 32       # images on which a torch module is run beside its network


def compile(model, *, shape=None, images=None, labels=None, steps=None, bits=4, encoder=None,
            readout=None, loss=0.5, per_channel=False, power_of_two=False, membrane_bits=24,
            name=None, resize=False, reference=None, allow_different=False, sample=None, **rules):
    """Compile a trained network to integers, and say how faithful they are.

    Parameters
    ----------
    model : torch module, NIR graph, FloatNetwork, Network, or str
        As sam_snn.sources.read takes it; a str is a path, a bare name or ``file.py:Class``.
    shape : None or (C, H, W) or (inputs,)
        Of an image; a torch module needs it.
    images : None, array or path
        Choose the scales and measure the agreement; of a network that comes with the project, its
        sample without. uint8, or real numbers from 0 to 1; spikes with encoder "frames".
    labels : None or (N,)
        Classes of the images, where ``images`` does not hold them.
    steps, encoder, readout :
        None for what the model says, else 16 and "bernoulli"; "frames" for images that are spikes.
    bits : int, sequence of int, or "auto"
        Width of the weights, 2 to 8; "auto" takes the fewest that lose at most ``loss``.
    loss : float
        Points of accuracy in percent that "auto" may lose; of equal predictions without labels.
    per_channel, power_of_two, membrane_bits :
        As in golden.importers.quantise.quantise_with_report.
    reference : None, (N, T, classes) array or path of an .npy
        Spikes of the last layer that the model gave for ``images``; compared, and a difference
        fails. A torch module needs none.
    allow_different : bool
        Whether a network that does something else than its model is taken all the same.
    sample : None or tensor
        An argument of a torch module, where it takes several kinds or only certain sizes.
    rules :
        Of NIR graphs, which do not say them: producer, or reset, dt, compare, decay, start, gain,
        spikes, cut (golden.importers.nir.from_nir).

    Returns
    -------
    Compiled

    Raises golden.io.errors.BadInput, in one line that names the part and the rule.
    """
    if encoder is None and shape is not None and np.ndim(images) == len(shape) + 2:
        encoder = "frames"
    found = read(model, shape=shape, steps=steps, encoder=encoder, readout=readout, name=name,
                 allow_different=allow_different, sample=sample, **rules)
    if images is None and isinstance(model, (str, Path)):
        images = sample_of(model)
    if images is not None:
        images, labels = pictures(images, found, labels=labels, resize=resize)
    if isinstance(found, Network):
        return Compiled(found, fidelity.measured(found, images, labels), images, labels)
    options = {"per_channel": per_channel, "power_of_two": power_of_two,
               "membrane_bits": membrane_bits, "calibrate": images}
    if isinstance(bits, str):
        rule(bits == "auto", "bits", f'must be numbers or "auto", not {bits!r}')
        bits = bits_for(found, images, labels, loss=loss, **options)
    made, reasons = quantise_with_report(found, bits=bits, **options)
    if hasattr(model, "named_children") and images is not None:
        found = told_anew(found, model, images, made, sample)
    if reference is not None:
        found = compared(found, images, reference, made, allow_different)
    report = fidelity.compare(found, made, reasons, images, labels)
    made = made.replace(notes={**made.notes, **report.notes()})
    return Compiled(made, report, images, labels, found)


def told_anew(network, module, images, made, sample):
    """The float network, its note of agreement about a user's images, and about the integers."""
    from golden.importers.torch import agreement_of
    found = agreement_of(module, network, images[:AGREEING], made, sample=sample)
    return network.replace(notes={**network.notes, **found.notes()})


def compared(network, images, reference, made, allow_different):
    """The float network, with a note of how it and the integers agree with reference spikes."""
    rule(images is not None, "reference", "needs the images that it is of")
    path = str(reference) if isinstance(reference, (str, Path)) else None
    found = of_reference(network, images, reference if path is None else array(path), made,
                         path or "reference")
    if not allow_different:
        found.insist()
    return network.replace(notes={**network.notes, **found.notes()})


@dataclass(frozen=True, eq=False)
class Compiled:
    """A network of integers, and all that can be done with it.

    Members
    -------
    network : golden.network.Network
    report : golden.importers.fidelity.Report
        How faithful it is; ``print(compiled)`` shows it.
    images, labels : None or arrays
        Those that it was compiled with, the default of ``run`` and ``explain``.
    original : None or FloatNetwork
    """

    network: Network
    report: fidelity.Report
    images: np.ndarray | None = None
    labels: np.ndarray | None = None
    original: FloatNetwork | None = None

    def __str__(self):
        console = Console(width=100)
        with console.capture() as shown:
            self.report.print(console)
        return shown.get().rstrip("\n")

    def given(self, images):
        """``images`` as the network takes them, or those it was compiled with."""
        if images is None:
            rule(self.images is not None, self.network.name, "was compiled without images: give "
                 "some")
            return self.images
        return pictures(images, self.network)[0]

    def run(self, images=None, *, engine="golden", taps=None, gamma=GAMMA, mode="paper",
            lanes=None, word_steps=None, trains=None, jobs=2, port=None, limit=None):
        """Run images; return a golden.network.result.Result, the same from every engine.

        Parameters
        ----------
        engine : "golden", "rtl", "gates" or "board"
            The model, the simulated RTL, the chip's netlist, or the chip on ``port``.
        taps : None or sequence of int
            Layers mapped; None for all, on a board for those it was built with.
        lanes, word_steps, trains : None or int
            Of the RTL; None for those of the build.
        limit : None or int
            Take the first images only.
        """
        from golden.run import check_taps
        from sim.run import run_engine
        images = self.given(images)[:limit]
        if engine == "board":
            return on_board(self.network, images, port=port, gamma=gamma, mode=mode)
        rule(engine in ("golden", "rtl", "gates"), "engine",
             f"must be golden, rtl, gates or board, not {engine}")
        taps = self.network.taps if taps is None else check_taps(taps, self.network)
        return run_engine(images, self.network, engine=engine, taps=taps, gamma=gamma, mode=mode,
                          console=Console(stderr=True), lanes=lanes, word_steps=word_steps,
                          trains=trains,
                          jobs=jobs)

    def explain(self, image=None, *, label=None, **options):
        """Explain one image, the first of its own without; return an Explained.

        ``options`` are the members of apps.explain.Question: method, engine, layer, output_neuron,
        gamma, mode, decay, paths, versus, alone.
        """
        from apps.explain import Question, answered
        if image is None:
            image, label = self.given(None)[0], self.labels[0] if self.labels is not None else None
        else:
            if isinstance(image, (str, Path)):
                image = self.given(image)[0]
            else:
                image = np.asarray(image.detach().cpu() if hasattr(image, "detach") else image)
                whole = len(self.network.shape) + encoder_of(self.network).frames
                image = self.given(image if image.ndim > whole else image[None])[0]
        question = Question(**options).checked(self.network)
        return Explained(self.network, question, image, label, *answered(
            question, self.network, image, Console(stderr=True)))

    def fits(self, board=None, *, lanes=None, word_steps=None, trains=None,
             taps=None) -> Fits:
        """Whether it fits the boards, or one of them: estimates (sam_snn.fitting.Fits).

        Cycles are those of the images it was compiled with.
        """
        return fits(self.network, board, lanes=lanes, word_steps=word_steps, trains=trains,
                    taps=taps,
                    images=self.images, original=self.original)

    def build(self, board="icebreaker", *, out, seed=None, jobs=1, **options):
        """Build the bitstream into the folder ``out``; return the report as a dict.

        ``options`` are members of flow.config.BuildConfig, as lanes, taps and clock_mhz. Raises
        BadInput where it does not fit, golden.io.errors.Fault where a tool fails.
        """
        from flow.build import build
        from flow.config import BuildConfig
        from flow.estimate.fits import board_named
        from flow.steps import ToolError
        from golden.io.errors import Fault
        target = board_named(board)
        with folder("sam-snn-") as work:
            path = Path(work) / f"{plain_name(self.network.name)}.npz"
            self.network.save(path)
            try:
                return build(BuildConfig(device=target.family, board=target.name,
                                         network=str(path), **options),
                             Console(stderr=True), out=str(out), seed=seed, jobs=jobs)
            except ToolError as error:
                raise Fault(f"{self.network.name}: {' '.join(str(error).split())}") from None

    def save(self, path):
        """Write the network's file (.npz), whole or not at all."""
        output(path, suffix=".npz", option="path")
        self.network.save(path)


def plain_name(name):
    """A network's name as that of a file."""
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in name)[:40] or "network"


def on_board(network, images, *, port, gamma, mode):
    """Result of images on the chip at a port, or the one that is found."""
    from apps.backends import ChipBackend
    from boards.host import Board, find_port
    from golden.network.result import stacked
    with Board(port or find_port()) as board:
        chip = ChipBackend(board, network)
        chip.set(gamma, mode)
        return stacked([chip.explain(image) for image in images])


@dataclass(frozen=True, eq=False)
class Explained:
    """Why a network sees in an image what it sees.

    Members
    -------
    network : golden.network.Network
    question : apps.explain.Question
    image : (C, H, W), or (T, C, H, W) of frames
    label : None or int
    explanation : apps.explain.Explanation
        ``map``, ``heat``, ``unit``, ``title`` and ``lines``.
    result : golden.network.result.Result
    target : int
        The class that is explained.
    """

    network: Network
    question: object
    image: np.ndarray
    label: int | None
    explanation: object
    result: object
    target: int

    @property
    def pred(self):
        """The class predicted."""
        return int(self.result.pred[0])

    @property
    def heat(self):
        """(T, H, W) or (1, H, W): what is drawn."""
        return self.explanation.heat

    @property
    def map(self):
        """The raw map (apps.explain.Explanation)."""
        return self.explanation.map

    def figure(self):
        """A matplotlib Figure of the image and its maps."""
        from apps.explain import draw, heading_of
        return draw(self.image, self.explanation, heading_of(
            self.question, self.network, self.pred, self.target, self.label))

    def save(self, path):
        """Write the picture (.png), and the raw map beside it (.npz)."""
        from apps.explain import arrays_of
        path = output(path, suffix=".png", option="path")
        with publishing() as put:
            self.figure().savefig(put(path), dpi=130)
            np.savez_compressed(put(path.with_suffix(".npz")), **arrays_of(
                self.question, self.image, self.explanation, self.result, self.target, self.label))
