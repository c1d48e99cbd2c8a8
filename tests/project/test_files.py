"""What a user has is not lost: golden.io.files, and every command that writes with it."""

import ast
import errno
import json
import os
import pkgutil
import re
import resource
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from PIL import Image

import apps.board_run
import apps.explain
import flow.build
import flow.explore
import flow.export.command
import flow.steps
import golden.importers.cli
import golden.importers.nir
import sim.run
import sim.throughput
import verify.soak
from golden.images import load_images
from golden.io import files
from golden.io.errors import BadInput, command
from golden.io.files import held, output, publishing, replacing
from verify.networks import draw, images

ROOT = Path(__file__).parents[2]
HERE = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


def tree(folder):
    """{path: contents, or what it is} of all below a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        found[str(path.relative_to(folder))] = (
            path.read_bytes() if stat.S_ISREG(mode) else
            os.readlink(path) if stat.S_ISLNK(mode) else stat.S_IFMT(mode))
    return found


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


# --- one file -------------------------------------------------------------------------------------


def test_appears_whole_or_not_at_all(tmp_path):
    """With the folders that it needs; nothing else is left either way."""
    with replacing(tmp_path / "a/b/r.npz") as aside:
        aside.write_text("one")
        assert not (tmp_path / "a/b/r.npz").exists()
    assert tree(tmp_path) == {"a": stat.S_IFDIR, "a/b": stat.S_IFDIR, "a/b/r.npz": b"one"}
    for path in ("a/b/r.npz", "a/c/d/r.npz"):
        with pytest.raises(KeyboardInterrupt), replacing(tmp_path / path) as aside:
            aside.write_text("half")
            raise KeyboardInterrupt
    assert tree(tmp_path) == {"a": stat.S_IFDIR, "a/b": stat.S_IFDIR, "a/b/r.npz": b"one"}


def test_keeps_the_mode_of_what_was_there(tmp_path):
    """And a new file is as the umask says."""
    old = os.umask(0o027)
    try:
        with replacing(tmp_path / "new") as aside:
            aside.write_text("1")
        assert mode(tmp_path / "new") == 0o640
        for bits in (0o600, 0o664, 0o755):
            os.chmod(tmp_path / "new", bits)
            with replacing(tmp_path / "new") as aside:
                aside.write_text("2")
            assert mode(tmp_path / "new") == bits
    finally:
        os.umask(old)


def test_nobody_else_reads_a_secret_meanwhile(tmp_path):
    (tmp_path / "key").touch(0o600)
    with replacing(tmp_path / "key") as aside:
        aside.write_text("secret")
        assert mode(aside.parent.parent) == 0o700


def test_follows_links(tmp_path):
    """To a file, through several and through a folder; also to one that is not there yet."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real/r").write_text("old")
    os.chmod(tmp_path / "real/r", 0o604)
    (tmp_path / "to_folder").symlink_to("real")
    (tmp_path / "link").symlink_to("to_folder/r")
    (tmp_path / "dangling").symlink_to("real/absent")
    for name, target in (("link", "real/r"), ("dangling", "real/absent")):
        with replacing(tmp_path / name) as aside:
            aside.write_text(name)
        assert (tmp_path / name).is_symlink() and (tmp_path / target).read_text() == name
    assert mode(tmp_path / "real/r") == 0o604


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/null", path)],
                         ids=["fifo", "folder", "device"])
def test_refuses_what_is_no_regular_file(tmp_path, make):
    path = tmp_path / "r.npz"
    make(path)
    before = tree(tmp_path)
    for attempt in (lambda: output(path), lambda: replacing(path).__enter__()):
        with pytest.raises(BadInput, match=f"{path}: is (no regular file|a folder); name another"):
            attempt()
    assert tree(tmp_path) == before and stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize("name", ["r" * 246 + ".npz", "r" * 250, "r." + "x" * 253, ".npz"])
def test_any_legal_name(tmp_path, name):
    with replacing(tmp_path / name) as aside:
        aside.write_text("1")
    assert tree(tmp_path) == {name: b"1"}


def test_what_is_unfinished_is_no_image(tmp_path):
    """A folder read while a picture is written to it holds those that are whole."""
    network = draw(4)
    Image.fromarray(images(network, 1)[0, 0]).save(tmp_path / "a.png")
    Image.fromarray(images(network, 1)[0, 0]).save(tmp_path / ".hidden.png")
    with replacing(tmp_path / "b.png") as aside:
        aside.write_bytes(b"half of a picture")
        assert len(load_images(tmp_path, network)[0]) == 1
        aside.write_bytes((tmp_path / "a.png").read_bytes())
    assert len(load_images(tmp_path, network)[0]) == 2


def child(code, folder):
    """A running Python that executes ``code`` in ``folder``, up to its line "ready"."""
    run = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], cwd=folder, text=True,
                           stdout=subprocess.PIPE, env=HERE)
    assert run.stdout.readline() == "ready\n"
    return run


WRITER = """
    import signal, sys, time
    from golden.io.files import replacing
    def end(*_):
        raise SystemExit(143)
    signal.signal(signal.SIGTERM, end)
    with replacing("new/r.png") as aside:
        aside.write_text("half")
        print("ready", flush=True)
        time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_nothing_stays_behind_a_signal(tmp_path, number):
    """That ends a program by an exception, as Python does of SIGINT and commands of SIGTERM."""
    run = child(WRITER, tmp_path)
    run.send_signal(number)
    run.communicate(timeout=30)
    assert run.returncode and not tree(tmp_path)


def test_what_a_kill_leaves_is_swept_by_the_next(tmp_path):
    """But not what another process is still writing."""
    dead, alive = child(WRITER, tmp_path), child(WRITER, tmp_path)
    dead.kill()
    dead.communicate()
    assert len(list((tmp_path / "new").iterdir())) == 2
    with replacing(tmp_path / "new/other") as aside:
        assert len(list((tmp_path / "new").iterdir())) == 2     # of alive, and this one
        aside.write_text("1")
    alive.send_signal(signal.SIGTERM)
    alive.communicate(timeout=30)
    assert tree(tmp_path / "new") == {"other": b"1"}


def test_where_folders_have_no_locks(tmp_path):
    """As on some network file systems: files are whole there, and nobody's are swept."""
    with mock.patch.object(files.fcntl, "flock", side_effect=OSError(errno.EBADF, "no locks")), \
            replacing(tmp_path / "a") as first:
        first.write_text("1")
        with publishing() as put:
            put(tmp_path / "b").write_text("2")
            put(tmp_path / "c").write_text("2")
    assert tree(tmp_path) == {"a": b"1", "b": b"2", "c": b"2"}


def full_disk(code, folder):
    """The last line of a command, ``code``, where no file may pass 1,000 bytes."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=folder, text=True,
                          capture_output=True, preexec_fn=limit, env=HERE)
    assert done.returncode == 2, done
    return done.stderr


def test_messages_name_the_users_file(tmp_path):
    """On a full disk, whatever wrote; where the folder cannot be written to or made."""
    begin = "import numpy as np\nfrom golden.io.errors import command\n" \
            "from golden.io.files import replacing\n@command\ndef main():\n" \
            "    with replacing('r.npz') as aside:\n        "
    for line in ("aside.write_bytes(bytes(5000))", "np.savez(aside, a=np.zeros(5000))"):
        assert full_disk(f"{begin}{line}\nmain()", tmp_path) == "error: r.npz: File too large\n"
    assert not tree(tmp_path)
    (tmp_path / "blocked").touch()

    @command
    def main(path, act):
        with replacing(path) as aside:
            act(aside)
    for path, act in ((tmp_path / "blocked/r", Path.touch), (tmp_path / ("r" * 256), Path.touch),
                      (tmp_path / "r", lambda aside: None), (tmp_path / "r", os.mkdir),
                      (tmp_path / "r", lambda aside: open(aside / "deep")),
                      (tmp_path / "r", lambda aside: os.rename(aside, aside.with_name("s")))):
        with mock.patch("sys.stderr") as stderr, pytest.raises(SystemExit, match="^2$"):
            main(path, act)
        said = "".join(call.args[0] for call in stderr.write.call_args_list)
        assert str(path) in said and ".part" not in said and files.PREFIX not in said
    with mock.patch("tempfile.mkdtemp", side_effect=PermissionError(13, "no", "/x/.sam-snn-1")), \
            pytest.raises(PermissionError) as told, replacing(tmp_path / "r"):
        pass
    assert told.value.filename == str(tmp_path / "r") and told.value.strerror == "no"
    with pytest.raises(ValueError, match=f"^cannot write {tmp_path}/r$"), \
            replacing(tmp_path / "r") as aside:
        raise ValueError(f"cannot write {aside}")
    assert tree(tmp_path) == {"blocked": b""}


# --- several files --------------------------------------------------------------------------------


NAMES = ("a", "b", "c", "d")


def publish(folder, mark, *, without=(), names=NAMES):
    with publishing(without=[folder / name for name in without]) as put:
        for name in names:
            put(folder / name).write_text(mark)


def interrupted(name, n, error=KeyboardInterrupt):
    """A patch of a function by which its call ``n`` raises ``error``."""
    real, calls = pkgutil.resolve_name(name.replace(".", ":", 1)), iter(range(99))

    def function(*args, **options):
        if next(calls) == n:
            raise error
        return real(*args, **options)
    return mock.patch(name, function)


def test_all_or_none(tmp_path):
    """Whichever file cannot be written, or renamed: the old ones stay, with what else is there."""
    (tmp_path / "mine").write_text("of the user")
    publish(tmp_path, "old", names=("a", "b", "c", "gone"))
    before = tree(tmp_path)
    for n in range(4):
        with pytest.raises(OSError, match="full"), publishing() as put:
            for k, name in enumerate(NAMES):
                put(tmp_path / name).write_text("new")
                if k == n:
                    raise OSError(errno.ENOSPC, "full")
        assert tree(tmp_path) == before
        for link in (os.link, mock.Mock(side_effect=OSError("no hard links here"))):
            with interrupted("os.replace", n), mock.patch("os.link", link), \
                    pytest.raises(KeyboardInterrupt):
                publish(tmp_path, "new", without=["gone"])
            assert tree(tmp_path) == before
    publish(tmp_path, "new", without=["gone", "never"])
    assert tree(tmp_path) == {"mine": b"of the user", **dict.fromkeys(NAMES, b"new")}


def test_refuses_the_same_file_twice(tmp_path):
    (tmp_path / "a").write_text("1")
    os.link(tmp_path / "a", tmp_path / "hard")
    (tmp_path / "soft").symlink_to("absent")
    before = tree(tmp_path)
    for first, second in (("a", "a"), ("a", "hard"), ("soft", "absent")):
        with pytest.raises(BadInput, match="is the same file as"), publishing() as put:
            put(tmp_path / first).write_text("x")
            put(tmp_path / second)
    assert tree(tmp_path) == before


def test_two_processes_do_not_mix(tmp_path):
    """At any time all files are of one of them; each waits for the other."""
    code = """
        import sys
        from pathlib import Path
        from golden.io.files import publishing
        for n in range(40):
            with publishing() as put:
                for name in "abcd":
                    put(Path("out") / name).write_text(sys.argv[1])
    """
    runs = [subprocess.Popen([sys.executable, "-c", textwrap.dedent(code), mark], cwd=tmp_path,
                             env=HERE) for mark in "xy"]
    seen = set()
    while any(run.poll() is None for run in runs):
        if (tmp_path / "out/d").exists():
            with held(tmp_path / "out") as locked:
                assert locked
                seen.add("".join((tmp_path / "out" / name).read_text() for name in NAMES))
    assert [run.returncode for run in runs] == [0, 0]
    assert seen and seen <= {"xxxx", "yyyy"} and len(tree(tmp_path / "out")) == 4


def test_says_who_is_in_the_way(tmp_path, monkeypatch):
    """A lock that is never given back is no reason to wait for ever."""
    monkeypatch.setattr(files.held.__wrapped__, "__defaults__", (0.2,))
    publish(tmp_path, "old")
    before = tree(tmp_path)
    with held(tmp_path) as locked, pytest.raises(BadInput, match="another process holds this"):
        assert locked
        publish(tmp_path, "new")
    assert tree(tmp_path) == before


# --- commands: nothing that they read is lost -----------------------------------------------------


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The working directory, with files of a user."""
    import nir

    from verify.float_networks import trained
    from verify.nir_graphs import conv_net
    monkeypatch.chdir(tmp_path)
    network = draw(4)
    network.save("net.npz")
    some = images(network, 3)
    np.savez("images.npz", images=some, labels=np.array([0, 1, 2]))
    Path("pictures").mkdir()
    for name in ("image.png", "pictures/one.png"):
        Image.fromarray(some[0, 0]).save(name)
    trained().save("float.npz")
    trained().save("float.json")
    nir.write("graph.nir", conv_net(np.random.default_rng(0)))
    np.savez("other.npz", images=some)
    return tmp_path


RUN = (sim.run.main, "--network net.npz --images images.npz")
EXPLAIN = (apps.explain.main, "--network net.npz --image")
BOARD = (apps.board_run.main, "--demo --network net.npz")
QUANTISE = (golden.importers.cli.main, "float.npz")
NIR = (golden.importers.nir.main, "graph.nir --reset subtract")
EXPORT = (flow.export.command.main, "sam --no-tools --network net.npz --out")
BUILD = (flow.build.main, "ice40 --network net.npz --out .")
TAKEN = {  # name: command and its options, and the file that would be lost
    "run, network": (*RUN, "--out net.npz", "net.npz"),
    "run, images": (*RUN, "--out images.npz", "images.npz"),
    "run, by another name": (*RUN, "--out pictures/../images.npz", "images.npz"),
    "run, hard link": (*RUN, "--out hard.npz", "images.npz"),
    "run, link": (*RUN, "--out soft.npz", "images.npz"),
    "explain, picture": (*EXPLAIN, "image.png --out image.png", "image.png"),
    "explain, raw map on network": (*EXPLAIN, "image.png --out net.png", "net.npz"),
    "explain, raw map on images": (*EXPLAIN, "images.npz --out images.png", "images.npz"),
    "explain, raw map on another": (*EXPLAIN, "image.png --out other.png", "other.npz"),
    "board, images": (*BOARD, "images.npz --out images.npz", "images.npz"),
    "board, network": (*BOARD, "images.npz --out net.npz", "net.npz"),
    "board, picture": (*BOARD, "image.png --png image.png", "image.png"),
    "board, folder": (*BOARD, "pictures --png pictures/one.png", "pictures/one.png"),
    "quantise": (*QUANTISE, "--out float.npz", "float.npz"),
    "quantise, images": (*QUANTISE, "--calibrate images.npz --out images.npz", "images.npz"),
    "quantise, suffix": (
        golden.importers.cli.main,
        "float.json",
        "--out float.json",
        "float.json",
    ),
    "nir": (*NIR, "--out graph.nir", "graph.nir"),
    "nir, link": (*NIR, "--out graph.npz", "graph.nir"),
    "soak": (
        verify.soak.main,
        "--network net.npz --images images.npz",
        "--out images.json",
        "images.npz",
    ),
    "throughput": (
        sim.throughput.main,
        "--network net.npz --images images.npz",
        "--out images.json",
        "images.npz",
    ),
    "export, network": (*EXPORT, "net.v", "net.npz"),
    "export, testbench": (*EXPORT, "unit.v", "unit_tb.v"),
    "export, words": (*EXPORT, "words.v", "words_tb.hex"),
    "export, report": (*EXPORT, "float.v", "float.json"),
    "export, core": (*EXPORT, "core.v", "core.core"),
    "build": (*BUILD, "", "top.v"),
    "explore": (*BUILD, "--explore --quick", "explore.json"),
}


@pytest.mark.parametrize("case", TAKEN)
def test_no_input_and_no_foreign_file_is_lost(case, mine, capsys):
    """One line that names it, exit code 2, before the work: and nothing is changed."""
    main, given, out, lost = TAKEN[case]
    os.link("images.npz", "hard.npz")
    for link, target in (("soft.npz", "images.npz"), ("graph.npz", "graph.nir"),
                         ("images.json", "images.npz"), ("net.v", "net.npz")):
        Path(link).symlink_to(target)
    if not Path(lost).exists():
        Path(lost).write_text('["of the user"]')
    before = tree(mine)
    with pytest.raises(SystemExit, match="^2$"), \
            mock.patch("flow.steps.synthesised", side_effect=AssertionError("work was begun")), \
            mock.patch("flow.explore.explore", side_effect=AssertionError("work was begun")):
        main(f"{given} {out}".split())
    said = capsys.readouterr()
    assert tree(mine) == before and not said.out
    assert said.err.startswith("error: ") and said.err.count("\n") == 1, said.err
    assert re.search("would be lost|must end in|did not write it", said.err), said.err


def test_commands_write_again_what_they_wrote(mine):
    """By the same names, over their own files and through links."""
    Path("link.npz").symlink_to("r.npz")
    for _ in range(2):
        sim.run.main(f"{RUN[1]} --out link.npz".split())
        apps.explain.main(f"{EXPLAIN[1]} image.png --out e.png".split())
        apps.board_run.main(f"{BOARD[1]} pictures --out b.npz --png pictures/b.png".split()
                        if not Path("b.npz").exists() else
                        f"{BOARD[1]} image.png --out b.npz --png pictures/b.png".split())
        golden.importers.cli.main(f"{QUANTISE[1]} --out q.npz".split())
        flow.export.command.main(f"{EXPORT[1]} unit.v".split())
    assert Path("link.npz").is_symlink() and not Path("r.npz").is_symlink()
    for name in ("r.npz", "e.png", "e.npz", "b.npz", "pictures/b.png", "q.npz", "unit_tb.hex"):
        assert Path(name).is_file()
    assert not list(mine.rglob(f"{files.PREFIX}*"))


@pytest.mark.parametrize("out", ["fifo", "folder", "null"])
def test_commands_write_regular_files_only(out, mine, capsys):
    for name, make in (("fifo", os.mkfifo), ("folder", os.mkdir),
                       ("null", lambda path: os.symlink("/dev/null", path))):
        for suffix in (".npz", ".png", ".v"):
            make(name + suffix)
    before = tree(mine)
    for main, given, suffix in ((*RUN, ".npz"), (*QUANTISE, ".npz"), (*NIR, ".npz"),
                                (EXPLAIN[0], EXPLAIN[1] + " image.png", ".png"),
                                (EXPORT[0], EXPORT[1].removesuffix(" --out"), ".v")):
        with pytest.raises(SystemExit, match="^2$"):
            main([*given.split(), "--out", out + suffix])
        said = capsys.readouterr().err
        assert re.search(f"{out}{suffix}: is (no regular file|a folder); name another file", said)
    assert tree(mine) == before


WRITES = {"--out", "--png", "--json", "--ann", "--sample"}      # options that name what is written
CHECKS = {"output", "check_folder", "check_files", "check_place", "finish"}


def unchecked(text):
    """Options of ``WRITES`` that a command's text has without any of ``CHECKS`` being called."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    name = lambda call: getattr(call.func, "id", getattr(call.func, "attr", ""))
    given = {arg.value for call in calls if name(call) == "add_argument" for arg in call.args
             if isinstance(arg, ast.Constant)} & WRITES
    return given if not CHECKS & {name(call) for call in calls} else set()


@pytest.mark.parametrize("room", ["golden", "hw", "sim", "boards", "bench", "train"])
def test_every_command_asks(room):
    """No command with such an option goes without golden.io.files.output, or what stands for it."""
    for path in sorted((ROOT / room).rglob("*.py")):
        assert path.name == "convert.py" or not unchecked(path.read_text()), path
    assert unchecked('parser.add_argument("--out")\nsave(args.out)') == {"--out"}


# --- builds and exports: all files or none --------------------------------------------------------


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """hw.build without tools; gives build(mark, *options), whose files tell the mark."""
    cells = {name: {"used": 5, "available": 9} for name in flow.steps.icebreaker().used.values()}
    report = {"utilization": cells, "fmax": {"clk": {"achieved": 99.0}}}
    work = tmp_path / "work"
    work.mkdir()
    (work / "top.json").write_text('{"modules": {}}')
    monkeypatch.setattr(flow.steps, "synthesised", lambda *_, **__: work)
    monkeypatch.setattr(flow.steps, "routed", lambda *_, **__: report)
    monkeypatch.setattr(flow.steps, "packed", lambda *_, **__: work / "route-24000000-1.bin")

    def build(mark, *options):
        for name in ("top.debug.v", "route-24000000-1.tim", "top.rpt", "route-24000000-1.bin"):
            (work / name).write_text(mark)
        with pytest.raises(SystemExit) as stop:
            flow.build.main(["ice40", "--network", str(ROOT / "models/digits.npz"), "--clock", "24",
                           "--out", str(tmp_path / "out"), *options])
        return stop.value.code
    return build


PUBLISHED = ["nextpnr.log", "report.html", "report.json", "report.md", "top.bin", "top.v",
             "yosys.log"]


def test_a_build_is_published_whole(tools, tmp_path, capsys):
    """At whichever file the disk is full or the build is stopped; and boards.flash takes it."""
    from apps.flash import built
    out = tmp_path / "out"
    out.mkdir()
    (out / "heatmaps.png").write_text("of the user")
    assert tools("old", "--boot", "flash") == 0
    before = tree(out)
    assert sorted(before) == sorted([*PUBLISHED, "flash.bin", "heatmaps.png"])
    assert built(out)[1] == out / "flash.bin"
    capsys.readouterr()
    for n in range(3):
        with interrupted("shutil.copyfile", n, OSError(errno.ENOSPC, "No space left on device")):
            assert tools("new") == 2
        assert tree(out) == before
        said = capsys.readouterr().err
        assert said.startswith(f"error: {out}/") and said.endswith(": No space left on device\n")
    for n in range(len(PUBLISHED)):
        with interrupted("os.replace", n, OSError(errno.EIO, "Input/output error")):
            assert tools("new") == 2
        assert tree(out) == before
    assert tools("new") == 0
    assert sorted(tree(out)) == sorted([*PUBLISHED, "heatmaps.png"])     # no flash.bin of the old
    assert {(out / name).read_text() for name in ("top.v", "nextpnr.log", "yosys.log", "top.bin")
            } == {"new"}
    report, file = built(out)
    assert file == out / "top.bin"
    (out / "top.bin").write_text("another")
    with pytest.raises(BadInput, match="its SHA-256 is another.; build once more"):
        built(out)
    assert (out / "heatmaps.png").read_text() == "of the user"


def test_a_build_that_fails_leaves_nothing(tools, tmp_path):
    with mock.patch("shutil.copyfile", side_effect=OSError(errno.ENOSPC, "full")):
        assert tools("new") == 2
    assert not (tmp_path / "out").exists()


def test_builds_into_one_folder_do_not_mix(tools, tmp_path):
    """One that publishes while another one does waits: here it is told after its patience."""
    assert tools("old") == 0
    before = tree(tmp_path / "out")
    with held(tmp_path / "out"), mock.patch("time.monotonic", iter(range(0, 9999, 20)).__next__):
        assert tools("new") == 2
    assert tree(tmp_path / "out") == before


def test_an_export_is_published_whole(mine, capsys):
    """Also where it does not fit the device: the old module and its words stay together."""
    flow.export.command.main(f"{EXPORT[1]} unit.v".split())
    Path("unit.json").write_text(json.dumps({"what": "sam", "fmax_mhz": 1, "scan_lc": 1}))
    before = tree(mine)
    other = ["sam", "--network", "net.npz", "--out", "unit.v", "--mode", "official"]
    with mock.patch("flow.steps.synthesised", side_effect=flow.steps.ToolError("too large")), \
            pytest.raises(SystemExit, match="^1$"):
        flow.export.command.main(other)
    assert tree(mine) == before
    for n in range(3):
        with interrupted("os.replace", n, OSError(errno.EIO, "broken")), \
                pytest.raises(SystemExit, match="^2$"):
            flow.export.command.main([*other, "--no-tools"])
        assert tree(mine) == before
    flow.export.command.main([*other, "--no-tools"])
    now = tree(mine)
    assert "unit.json" not in now           # it was about the old module
    assert all(now[name] != before[name] for name in ("unit.v", "unit_tb.hex"))
