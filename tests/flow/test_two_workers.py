"""Work on two workers of a dask scheduler, as docs/howto/machines.md has it for two machines.

Skipped without the package, but not in CI.
"""

import json
import os
from importlib.util import find_spec
from unittest import mock

import pytest

from flow import build, explore

pytestmark = [
    pytest.mark.slow,
    # distributed opens sockets that it closes when it is collected.
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(not find_spec("distributed") and "CI" not in os.environ,
                       reason="no dask: pip install '.[cluster]'")]
SMALL = "models/fashion_small.npz"


def test_a_front_is_built_by_both(tmp_path, capsys):
    """Each builds some of the points; the table is that of one process."""
    from distributed import LocalCluster
    folder = tmp_path / "workers"
    folder.mkdir()

    def built(network, config, size, hz, where):
        """What a worker does, and who it was; a second, so that one of them cannot do it all."""
        import time

        from distributed import get_worker
        (folder / get_worker().name).touch()
        time.sleep(1)
        return {"lc": 100 * size.lanes + size.word_steps, "ebr": 12, "spram": 3, "dsp": 1}

    words = ["ice40", "--network", SMALL, "--explore", "--quick", "--out"]
    with mock.patch.object(explore, "built", built), \
            mock.patch.object(explore, "FEWER_BITS", (0,)):
        with LocalCluster(n_workers=2, threads_per_worker=1, processes=False,
                          dashboard_address=None) as cluster:
            for n, worker in cluster.workers.items():
                worker.name = f"worker-{n}"
            build.main([*words, str(tmp_path / "both"), "--dask", cluster.scheduler_address])
    assert sorted(path.name for path in folder.iterdir()) == ["worker-0", "worker-1"]
    points = json.loads((tmp_path / "both/explore.json").read_text())
    real = [point for point in points if point["real"]]
    assert len(real) >= 2
    for point in real:
        assert point["real"]["lc"] == 100 * point["lanes"] + point["word_steps"]
    assert "built" in capsys.readouterr().out


def test_no_scheduler_is_told(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        build.main(["ice40", "--network", SMALL, "--explore", "--out", str(tmp_path / "out"),
                    "--dask", "tcp://127.0.0.1:9"])
    said = capsys.readouterr().err
    assert said.splitlines()[-1].startswith("error: --dask tcp://127.0.0.1:9: ")
    assert not (tmp_path / "out/explore.json").exists()
