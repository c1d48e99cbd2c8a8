"""The paper's experiments on the integer model: ``python -m train.experiments NAME``.

Each writes a figure, a table and ``results.json`` to ``results/NAME/``; ``all`` runs every one and
then ``summary``, which writes ``results/README.md`` from these files. With ``--quick`` a few
pictures are taken, to show that everything works, and the files go to ``build/paper-quick``.
"""

import argparse
import importlib
import time
from pathlib import Path

from golden.io.console import Console
from golden.io.errors import BadInput, command
from golden.io.evidence import stamp

NAMES = ("hypotheses", "fig2", "fig4", "fig5a", "fig5b", "fig5c", "fig6ab", "fig6c", "formats",
         "modes", "moving", "controls", "explainers", "fixedpoint")


@command
def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m train.experiments", description=__doc__)
    parser.add_argument("name", choices=(*NAMES, "summary", "all"), metavar="NAME",
                        help=", ".join((*NAMES, "summary", "all")))
    parser.add_argument("--quick", action="store_true", help="few pictures, few settings")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes (default 1)")
    parser.add_argument("--dask", metavar="ADDRESS",
                        help="scheduler of a Dask cluster whose workers have this directory")
    parser.add_argument("--pictures", type=int, default=500, metavar="N",
                        help="test pictures of each network (default 500)")
    parser.add_argument("--out", type=Path, metavar="DIR",
                        help="default results, or build/paper-quick with --quick")
    args = parser.parse_args(argv)
    try:
        from train.paper import summary
        from train.paper.report import check_place, write
        from train.paper.work import Run
    except ImportError as error:
        raise BadInput(f"train.experiments needs {error.name}; pip install -e '.[train]' "
                       "installs it") from None
    if args.jobs < 1:
        raise BadInput(f"--jobs must be at least 1, not {args.jobs}")
    if args.pictures < 20:
        raise BadInput(f"--pictures must be at least 20, not {args.pictures}")
    out = args.out or Path("build/paper-quick" if args.quick else "results")
    if args.name in ("summary", "all"):
        summary.check_place(out)
    run = Run(quick=args.quick, jobs=args.jobs, dask=args.dask, pictures=args.pictures)
    console = Console()
    names = NAMES if args.name == "all" else () if args.name == "summary" else (args.name,)
    for name in names:
        check_place(out, name)
    for name in names:
        began, made = time.time(), stamp(f"results/{name}", "train.experiments", argv)
        report, subjects = importlib.import_module(f"train.paper.{name}").experiment(run)
        place = write(report, name, out, run=run, subjects=subjects, made=made)
        console.print(f"{place}: {len(report.rows)} rows, {time.time() - began:.0f} s",
                      highlight=False)
        for claim in report.claims:
            console.print(f"  {claim.verdict}: {claim.what}", highlight=False, markup=False)
    if args.name in ("summary", "all"):
        console.print(f"{summary.write(out, NAMES)}", highlight=False)


if __name__ == "__main__":
    main()
