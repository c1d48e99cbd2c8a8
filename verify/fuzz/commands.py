"""Command lines and files for every command of the project, drawn by hypothesis.

``COMMANDS`` lists the commands: its strategies draw words, some of which stand for a file as
"what:how:seed". ``placed`` writes that file and gives its path: ``originals`` makes the good files
and the hostile ones, ``verify.fuzz.damage`` the damaged ones. ``quick`` replaces synthesis and
Verilator, which take minutes and make no mistakes of a command line, by functions that end at once.
"""

import gzip
import json
import os

import nir
import numpy as np
from hypothesis import strategies as st
from PIL import Image

import apps.board_run
import apps.demo
import apps.explain
import apps.metrics
import apps.side_by_side
import flow.build
import flow.export.command
import flow.export.units
import flow.steps
import golden.accuracy
import golden.importers.cli
import golden.importers.nir
import golden.network.__main__
import sam_snn.command
import sim.run
import sim.throughput
import train.data
import verify.seu
import verify.soak
from golden.formats import GAMMA
from golden.run import run_batched
from verify.float_networks import trained
from verify.fuzz import hostile
from verify.fuzz.damage import COUNT, KINDS, archive_changed, bytes_changed
from verify.networks import draw, images
from verify.nir_graphs import conv_net

__all__ = ["COMMANDS", "SECONDS", "cases", "files", "options", "originals", "placed", "prepared",
           "quick", "snapshot"]

JUNK = st.sampled_from(["", "-1", "0", "1", "2", "3", "4", "7", "8", "16", "0.5", "-0.5", "nan",
                        "inf", "-inf", "1e400", "1e-9", "99999999999999999999", "x", "subtract",
                        "paper", "\u00e9", "--", "8,8", "2,", ",", "0x10", ".", "[/b]",
                        "1\x1b[31m"])
NUMBER = st.one_of(JUNK, st.integers(-3, 300).map(str), st.floats(width=32).map(str))
SECONDS = 30        # that no case may take


def files(*names):
    """A file named "what:how:seed": good, damaged, hostile, no file at all, or another kind."""
    return st.builds("{}:{}:{}".format, st.sampled_from(names),
                     st.sampled_from(["good", "good", "good", "bytes", "fields", "empty",
                                      "missing", "folder", "text", "wrong", "hostile", "fifo"]),
                     st.integers(0, 2**16))


OUT = st.sampled_from(["out/r", "r", "out/r.npz", "out/r.npz", "r.npz", "f.png", "out/f.png",
                       "x.v", "out/x.v", "blocked/r.npz", "", "out/", "n.nir"])
NPZ = st.one_of(OUT, st.just("out/r.npz"), st.just("r.npz"))    # of commands that demand it
PNG = st.one_of(OUT, st.just("out/f.png"), st.just("f.png"))
FLAG = st.none()


def named(name):
    """Main of a subcommand of sam-snn."""
    return lambda words: sam_snn.command.main([name, *words])


def options(required, **rest):
    """Arguments of a command: the required ones nearly always, others now and then."""
    def one(pair):
        name, values = pair
        flag = "--" + name.replace("_", "-")
        return values.map(lambda value: [flag] if value is None else [flag, value])
    must = [one((name, rest[name])) for name in required]
    may = [one(pair) for pair in rest.items() if pair[0] not in required]
    return st.tuples(
        st.tuples(*[st.one_of(each, each, each, each, each, st.just([])) for each in must]),
        st.lists(st.one_of(*may), max_size=4) if may else st.just([]),
    ).map(lambda found: [word for part in (*found[0], *found[1]) for word in part])


BARE = st.sampled_from(["digits", "digits", "digits", "digits-latency", "no_such", "net", "models",
                        "digits_sample", "-", "_"])
LAYERS = st.sampled_from([
    "784-16-10", "1x8x8 conv4k3 pool2 dense4", "4x6x6 conv4k3p1g4 avgpool2 dense3", "1x8x8",
    "x", "2x", "784 dense0", "conv4k3", "1x8x8 conv4k9 dense2", "9999999-1", "1x1x1 pool2 dense2",
    "784-1-1-1-1", "1x9x9 conv99999k3 dense2", "1x9x9 sumpool9 dense2", "[/b] dense\x1b2"])
SAM = {"gamma": NUMBER, "mode": st.sampled_from(["paper", "official", "inclusive", "x", ""])}
COMMANDS = {
    "sim.run": (sim.run.main, 300, options(
        ("network", "images", "out"), network=files("net"), images=files("images"), out=OUT,
        limit=NUMBER, tap=NUMBER, stall=NUMBER, jobs=NUMBER, lanes=NUMBER, word_steps=NUMBER,
        contributions=FLAG, **SAM)),
    "sim.explain": (apps.explain.main, 300, st.one_of(options(
        ("network", "image", "out"), network=files("net"), image=files("image", "images"), out=PNG,
        index=NUMBER, layer=NUMBER, output_neuron=NUMBER, decay=NUMBER,
        method=st.sampled_from(["sam", "attribution", "saliency", "occlusion", "zplus", "tsa",
                                "sam-last", "count", "centre", "y"]),
        window=NUMBER, versus=NUMBER, paths=st.sampled_from(["active", "linear", "q"]),
        **SAM), options(
        ("network", "image", "out", "method"), network=files("net"), image=files("image", "images"),
        out=PNG, index=NUMBER, layer=NUMBER, output_neuron=NUMBER, versus=NUMBER, alone=FLAG,
        method=st.just("contribution")))),
    "apps.metrics": (apps.metrics.main, 60, options(
        ("network", "images", "method"), network=files("net"), images=files("images"), out=OUT,
        method=st.sampled_from(["count", "tsa", "sam-last", "random", "y"]),
        limit=st.sampled_from(["2", "1", "-1", "x"]), points=st.sampled_from(["2", "1", "x"]),
        fill=st.sampled_from(["black", "blur", "y"]), fresh_noise=FLAG)),
    "apps.side_by_side": (apps.side_by_side.main, 40, options(
        ("network", "images", "out", "method"), network=files("net"), images=files("images"),
        out=PNG, index=NUMBER, method=st.sampled_from(["count", "tsa", "sam", "centre", "y"]),
        resize=FLAG)),
    "sim.throughput": (sim.throughput.main, 100, options(
        ("network", "images"), network=files("net"), images=files("images"), limit=NUMBER,
        lanes=NUMBER, word_steps=NUMBER, out=OUT)),
    "sim.soak": (verify.soak.main, 100, options(
        ("network", "images"), network=files("net"), images=files("images"), limit=NUMBER,
        jobs=NUMBER, out=OUT, experiments=FLAG, verify=files("log", "net"))),
    "golden.accuracy": (golden.accuracy.main, 150, options(
        ("network", "images"), network=files("net"), images=files("images"), seed=NUMBER)),
    "golden.network.__main__": (golden.network.__main__.main, 100, st.one_of(
        files("net").map(lambda name: [name]), st.just([]), files("images").map(lambda n: [n, n]))),
    "golden.quantise": (golden.importers.cli.main, 200, st.tuples(
        files("float").map(lambda name: [name]), options(
            ("out",), out=NPZ, bits=NUMBER, per_channel=FLAG, power_of_two=FLAG,
            membrane_bits=NUMBER, calibrate=files("images"), steps=NUMBER, encoder=JUNK,
            readout=JUNK, strict=FLAG)).map(lambda pair: pair[0] + pair[1])),
    "golden.nir": (golden.importers.nir.main, 200, st.tuples(
        files("graph").map(lambda name: [name]), options(
            ("out", "reset"), out=NPZ, reset=st.sampled_from(["subtract", "zero", "x", ""]),
            **{"from": st.sampled_from([*golden.importers.nir.PRODUCERS, "x"])},
            decay=st.sampled_from(["exp", "euler", "x"]), allow_different=FLAG,
            calibrate=files("images"), reference=files("images", "net"), encoder=JUNK,
            bits=NUMBER, dt=NUMBER, steps=NUMBER, membrane_bits=NUMBER)).map(
                lambda pair: pair[0] + pair[1])),
    "hw.build": (flow.build.main, 150, st.tuples(
        st.sampled_from([["ice40"], ["ice40"], ["ice40"], ["ecp5"], []]), options(
            ("network", "out"), network=files("net"), out=st.sampled_from(["out", "blocked/x"]),
            tap=NUMBER, gamma=NUMBER, lanes=NUMBER, word_steps=NUMBER, clock=NUMBER, baud=NUMBER,
            seed=NUMBER, no_sam=FLAG, contributions=FLAG, board_file=files("board", "net"),
            sam_mode=JUNK)).map(lambda pair: pair[0] + pair[1])),
    "hw.export": (flow.export.command.main, 60, st.tuples(
        st.sampled_from([["sam"], ["attribution"], ["attribution"], ["x"], []]), options(
            ("network", "out", "no_tools"), network=files("net"),
            out=st.sampled_from(["x.v", "x.v", "out/x.v", "r.npz", "blocked/x.v"]), no_tools=FLAG,
            target=JUNK, layer=NUMBER, output_neuron=NUMBER, decay=NUMBER, **SAM)).map(
                lambda pair: pair[0] + pair[1])),
    "sim.demo": (apps.demo.main, 60, options(
        ("network", "images", "out"), network=files("net"), images=files("images"), out=OUT,
        count=st.sampled_from(["0", "1", "2", "-1", "x"]))),
    "sim.upsets": (verify.seu.main, 60, options(
        ("network", "images"), network=files("net"), images=files("images"), out=OUT,
        limit=NUMBER, seed=NUMBER)),
    "boards.run": (apps.board_run.main, 150, st.tuples(
        st.lists(files("images", "image"), min_size=1, max_size=2).map(lambda f: [*f, "--demo"]),
        options(("network",), network=files("net"), out=OUT, png=OUT, limit=NUMBER, tap=NUMBER,
                resize=FLAG, **SAM)).map(lambda pair: pair[0] + pair[1])),
    "sam-snn run": (named("run"), 100, options(
        ("network", "out"), network=st.one_of(files("net"), BARE),
        images=st.one_of(files("images", "image"), BARE), out=OUT, limit=NUMBER, tap=NUMBER,
        resize=FLAG, **SAM)),
    "sam-snn explain": (named("explain"), 100, options(
        ("network", "out"), network=st.one_of(files("net"), BARE), images=files("image", "images"),
        out=OUT, index=NUMBER, tap=NUMBER, resize=FLAG, **SAM)),
    "sam-snn fits": (named("fits"), 60, st.tuples(
        st.one_of(LAYERS.map(str.split), files("net", "float", "graph").map(lambda n: [n])),
        options((), steps=NUMBER, bits=NUMBER, lanes=NUMBER, word_steps=NUMBER, beta=NUMBER,
                activity=NUMBER, board=st.sampled_from(["icebreaker", "hx8k", "x"]), no_sam=FLAG,
                shape=JUNK, images=files("images"), out=st.just("f.json"))).map(
                    lambda pair: pair[0] + pair[1])),
    "sam-snn import": (named("import"), 100, st.tuples(
        files("graph", "float", "net").map(lambda name: [name]), options(
            ("out", "reset"), out=NPZ, images=files("images"), loss=NUMBER, shape=JUNK, dt=NUMBER,
            reset=st.sampled_from(["subtract", "zero", "zero", "x"]),
            bits=st.one_of(NUMBER, st.sampled_from(["auto", "2..4", "4..2", "1..9"])),
            steps=NUMBER, strict=FLAG)).map(lambda pair: pair[0] + pair[1])),
    "sam-snn export": (named("export"), 40, st.tuples(
        st.sampled_from([["verilog", "sam"], ["nir"], ["verilog"], ["x"], []]), options(
            ("network", "out"), network=files("net"), out=st.sampled_from(["x.v", "n.nir", "r"]),
            no_tools=FLAG)).map(lambda pair: pair[0] + pair[1])),
    "sam-snn compare": (named("compare"), 40, st.one_of(
        st.lists(files("report"), min_size=2, max_size=2),
        st.lists(files("log", "net", "report"), min_size=1, max_size=2))),
    "train.data": (train.data.main, 60, options(
        ("data", "out"), data=st.one_of(files("images"), st.just("idx"), st.just("idx")),
        count=NUMBER, out=NPZ)),
}


def originals(folder):
    """{kind: bytes and suffix of a good file, "hostile" and suffix: contents of hostile ones}."""
    network = draw(4)
    network.save(folder / "net.npz")
    some = images(network, 3)
    np.savez(folder / "images.npz", images=some, labels=np.array([0, 1, 2]))
    Image.fromarray(some[0, 0]).save(folder / "image.png")
    trained().save(folder / "float.npz")
    nir.write(folder / "graph.nir", conv_net(np.random.default_rng(0)))
    (folder / "report.json").write_text(json.dumps({
        "board": "b", "network": "n", "digest": "0", "options": {"baud": 1}, "lc": 5,
        "image": {"cycles": 5, "rates": [{"baud": 9, "images_s": 1.0}]},
        "energy": {"microjoules": [1, 2]}}))
    (folder / "board.toml").write_text(
        'device = "iCE40UP5K-SG48"\nclock_mhz = 12\n[pins]\nclk = "35"\nrx = "6"\ntx = "9"\n')
    (folder / "log.json").write_text('{"network": "0", "digest": "0", "parts": []}')
    found = {path.stem: (path.read_bytes(), path.suffix) for path in folder.iterdir()}
    pairs = [("net", "weights_1"), ("float", "weights_0"), ("images", "images"),
             ("images", "labels")]
    found["hostile.npz"] = [
        *(data for kind, name in pairs for _, data, _ in hostile.archives(found[kind][0], name)),
        *(hostile.header_changed(found[kind][0], name=hostile.ESCAPES, notes=notes)
          for kind in ("net", "float") for notes in ({"classes": 5}, {}, {"classes": [None] * 7}))]
    (folder / "hostile").mkdir()
    found["hostile.nir"] = [
        path.read_bytes() for _, path, _ in hostile.graphs(folder / "hostile")]
    found["hostile.png"] = [
        data for size in (network.shape[1:], (3, 3)) for _, data, _ in hostile.pictures(*size)]
    found["hostile.json"] = [b"[" * 200000, b"null", b"[]", b'{"parts": 3}', b'{"network": []}',
                             b"9" * 5000, b'"\\ud800"', b"\xff\xfe"]
    found["hostile.toml"] = [b"[[pins]]", b"pins = 1", b"\xff", b"a." * 40000 + b"b = 1",
                             b'device = "\\u0000"\n[pins]', b"a = " + b"[" * 50000]
    return found


def prepared(folder):
    """Put into a folder a file where a folder is wanted, and a data set."""
    (folder / "blocked").write_text("a file where a folder is wanted")
    (folder / "idx").mkdir()
    images = b"\0\0\x08\3" + np.array([5, 28, 28], dtype=">u4").tobytes() + bytes(5 * 28 * 28)
    for name in ("train-images-idx3", "t10k-images-idx3", "t10k-labels-idx1"):
        (folder / "idx" / f"{name}-ubyte.gz").write_bytes(gzip.compress(images))


def placed(word, folder, good):
    """The argument ``word``, its file written where it stands for one."""
    if word is None or word.count(":") != 2 or word.split(":")[0] not in good:
        return word
    kind, how, seed = word.split(":")
    data, suffix = good[kind]
    rng = np.random.default_rng(int(seed))
    path = folder / f"{kind}-{seed}-{how}{suffix}"
    if how == "missing":
        return str(path)
    if how == "folder":
        path.mkdir(exist_ok=True)
        return str(path)
    if how == "fifo":
        if not path.exists():
            os.mkfifo(path)
        return str(path)
    if how == "hostile":
        some = good.get("hostile" + suffix, [b""])
        data = some[int(seed) % len(some)]
    elif how == "fields" and suffix == ".npz":
        data = archive_changed(data, rng)
    elif how in ("bytes", "fields"):
        data = bytes_changed(data, rng)
    elif how == "empty":
        data = b""
    elif how == "text":
        data = b"{}\n"
    elif how == "wrong":
        kinds = sorted(name for name in good if not name.startswith("hostile"))
        data = good[kinds[int(seed) % len(kinds)]][0]
    path.write_bytes(data)
    return str(path)


def quick(put=setattr):
    """Replace what takes minutes; ``put(module, name, value)`` does it."""
    def refuse(*args, **kwargs):
        raise flow.steps.ToolError("no tools here")

    def simulated(some, network, *, taps=None, gamma=GAMMA, mode="paper", **_):
        result = run_batched(some, network, taps=taps, gamma=gamma, mode=mode)
        result.cycles = np.ones(len(some), dtype=np.int64)
        return result

    def unsoaked(*args, **kwargs):
        raise ArithmeticError("not here")
    put(flow.steps, "synthesised", refuse)
    put(sim.throughput, "run_engine", simulated)
    put(verify.soak, "soak", unsoaked)
    put(apps.demo, "run_engine", simulated)
    put(verify.seu, "survey", unsoaked)


def snapshot(folder):
    """{path: contents} of all below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
            for path in sorted(folder.rglob("*"))}


def cases():
    """How many command lines and damaged files a run of the tests draws."""
    return len(KINDS) * COUNT + sum(count for _, count, _ in COMMANDS.values())
