"""What every experiment shares: its networks, its pictures, and spreading and keeping the work.

The work of an experiment is a function of (subject, pictures, options) that gives a dict of lists
and numbers. ``Run.spread`` cuts the pictures into parts, computes each part once, on as many cores
or machines as asked for, and keeps the answer under ``build/paper`` by a digest of all that it
depends on: code, network, ANNs, pictures and options.
"""

import json
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed, parallel_config
from rich.progress import Progress
from threadpoolctl import threadpool_limits

from golden.io import processes
from golden.io.console import Console
from golden.io.errors import BadInput
from golden.io.files import replacing
from golden.network.result import Result
from golden.run import run
from train.core import sets
from train.paper.subjects import ROOT, SUBJECTS, digest, needs

CACHE = Path("build/paper")
FEW = 12       # pictures of a quick run


@cache
def code(module):
    """Digest of the code that a function of ``module`` may depend on.

    Of an experiment's own file that is what stands above ``experiment``, so that a picture or a
    sentence may change and the numbers stay.
    """
    own = (ROOT / (module.replace(".", "/") + ".py")).read_text().split("\ndef experiment(")[0]
    files = [*sorted((ROOT / "golden").rglob("*.py")),
             *(ROOT / "train" / f"{name}.py"
               for name in ("core/twin", "core/explainers", "core/sets", "scenes")),
             *(ROOT / "train/paper" / f"{name}.py" for name in ("maps", "scoring", "stimuli"))]
    return digest(own, *(path.read_bytes() for path in files))


@cache
def shown(name, first, count):
    """Test pictures of a set; kept in memory, as several functions take the same."""
    return sets.pictures(name, "test", count, first)


@cache
def seen(subject, first, count):
    """Golden's Result of these pictures, with input and the spikes of ``subject.depths``.

    Most experiments look at the same run, so its spikes are kept too, as bits.
    """
    network, pictures = subject.network, shown(subject.pictures, first, count)
    key = digest(code("golden.run"), network.digest, pictures.images)
    path = CACHE / f"run-{key}.npz"
    shapes = {0: network.shape, **{tap: network.stages[tap - 1].shape for tap in subject.depths}}
    if not path.is_file():
        result = run(pictures.images, network, taps=subject.depths)
        bits = {f"spikes_{tap}": np.packbits(result.spikes_input if not tap
                                             else result.spikes[tap], axis=None) for tap in shapes}
        with replacing(path) as aside:
            np.savez_compressed(aside, scores=result.scores, counts=result.counts, **bits)
    with np.load(path) as kept:
        spikes = {tap: np.unpackbits(kept[f"spikes_{tap}"], count=len(pictures.images)
                                     * network.steps * int(np.prod(shape))).reshape(
            len(pictures.images), network.steps, *shape) for tap, shape in shapes.items()}
        return Result(kept["scores"][:, -1], kept["scores"], kept["counts"],
                      spikes_input=spikes.pop(0), spikes=spikes)


def watched(subject, pictures):
    """``seen`` of pictures that follow each other."""
    return seen(subject, int(pictures.numbers[0]), len(pictures.numbers))


def part(function, subject, first, count, options):
    """One part of the work, from ``CACHE`` if it was done before."""
    pictures = shown(subject.pictures, first, count)
    key = digest(code(function.__module__), subject.digest, pictures.images, pictures.labels,
                 pictures.masks, json.dumps(options, sort_keys=True))
    path = CACHE / f"{function.__module__.rsplit('.')[-1]}-{function.__name__}-{key}.json"
    if path.is_file():
        return json.loads(path.read_text())
    # More threads than cores wait for each other; the parts themselves are what is spread.
    with threadpool_limits(1):
        found = json.loads(json.dumps(function(subject, pictures, **options), default=plain))
    with replacing(path) as aside:
        aside.write_text(json.dumps(found))
    return found


def plain(value):
    """NumPy's numbers and arrays for JSON, to six digits."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "f":
            return [float(f"{x:.6g}") for x in value] if value.ndim == 1 else [
                plain(row) for row in value]
        return value.tolist()
    return value.item()


@dataclass
class Run:
    """How an experiment is to be run: --quick, --jobs, --dask, --pictures."""

    quick: bool = False
    jobs: int = 1
    dask: str | None = None
    pictures: int = 500

    def count(self, more=0, quick=FEW):
        """How many pictures: ``pictures`` and ``more``, or ``quick`` of them."""
        return quick if self.quick else self.pictures + more

    def subjects(self, *names):
        """The networks of these names, all without any; the first of each training with --quick."""
        found = [one for one in SUBJECTS if not names or one.name in names]
        return found if not self.quick else list({one.kind: one for one in found[::-1]}.values())

    def spread(self, function, subject, count, label, *, first=0, size=None, **options):
        """``function`` of ``count`` pictures: its dicts joined, lists one after the other."""
        size = size or subject.part
        starts = range(first, first + count, size)
        jobs = [delayed(part)(function, subject, at, min(size, first + count - at), options)
                for at in starts]
        with Progress(console=Console(stderr=True), transient=True) as progress, self.backend():
            local = {} if self.dask else processes.ending_with_us()
            with processes.unheard():
                found = Parallel(self.jobs, return_as="generator", **local)(jobs)
            parts = list(progress.track(found, total=len(jobs),
                                        description=f"{label}, {subject.name}"))
        return joined(parts)

    @contextmanager
    def backend(self):
        """The joblib backend asked for."""
        if self.dask is None:
            with parallel_config(n_jobs=self.jobs):
                yield
            return
        needs("distributed", "--dask")
        from distributed import Client
        try:
            client = Client(self.dask, timeout=10)
        except (OSError, ValueError) as error:
            raise BadInput(f"--dask {self.dask}: no scheduler answers ({error})") from None
        with client, parallel_config(backend="dask"):
            yield


def joined(parts):
    """Dicts of lists (and of dicts) as one: lists concatenated, depth first."""
    first = parts[0]
    if isinstance(first, dict):
        return {key: joined([one[key] for one in parts]) for key in first}
    if isinstance(first, list):
        return [value for one in parts for value in one]
    return first
