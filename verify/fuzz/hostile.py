"""Files that somebody made to break a reader, each with the rule by which it is refused."""

import io
import json
import os
import struct
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np

# --- archives -------------------------------------------------------------------------------------


def saved(values):
    """An array as numpy writes it."""
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def npy(head, body=b"", version=1):
    """An .npy with this text as its head."""
    head = head.encode("latin1") + b"\n"
    form = "<H" if version == 1 else "<I"
    return b"\x93NUMPY" + bytes((version, 0)) + struct.pack(form, len(head)) + head + body


def shaped(shape, descr="'<i8'", body=b"\0" * 80):
    """An .npy whose head tells this shape, whatever follows."""
    return npy(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}", body)


def zipped(members, kind=zipfile.ZIP_DEFLATED):
    """An archive of (name, bytes) pairs."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, data in members:
            archive.NameToInfo.pop(name, None)          # so that a second one is no warning
            archive.writestr(name, data)
    return buffer.getvalue()


ARRAYS = {  # what stands for an array: its bytes, and the rule by which it is refused
    "head cut off": (npy("{'descr': '<i8', 'shape': (3,"), "the head of an array is damaged"),
    "text cut off": (npy("{'descr': '''"), "the head of an array is damaged"),
    "head too long": (b"\x93NUMPY\2\0" + struct.pack("<I", 2**31) + b" " * 99, "cut off, or too"),
    "deep head": (npy("(" * 5000 + ")" * 5000), "the head of an array is damaged"),
    "minus head": (npy("-" * 5000 + "1"), "the head of an array is damaged"),
    "version 9": (b"\x93NUMPY\x09\0\x10\0" + b" " * 16, "no array as numpy writes it"),
    "empty": (b"", "no array as numpy writes it"),
    "beyond 64 bits": (shaped("(99999999999999999999999,)"), "the head of an array is damaged"),
    "negative": (shaped("(-1,)"), "the head of an array is damaged"),
    "truth as side": (shaped("(True, 8)"), "the head of an array is damaged"),
    "2**40 numbers": (shaped("(1099511627776,)"), "is too large; all arrays together may have"),
    "2**64 numbers": (shaped("(4294967296, 4294967296)"), "is too large"),
    "shorter than told": (shaped("(11,)"), "is cut off, or longer than its head says"),
    "longer than told": (shaped("(9,)"), "is cut off, or longer than its head says"),
    "objects": (shaped("(1,)", "'|O'", b"cos\nsystem\n(S'true'\ntR."), "not of numbers or text"),
    "records": (shaped("(9,)", "[('a', '<i8')]"), "not of numbers or text"),
    "arrays of arrays": (shaped("(9,)", "('<i8', (1000000, 1000))"), "not of numbers or text"),
    "dates": (shaped("(10,)", "'<M8[s]'"), "not of numbers or text"),
    "void": (shaped("(10,)", "'|V8'"), "not of numbers or text"),
    "no type": (shaped("(10,)", "'<q99'"), "the head of an array is damaged"),
    "complex": (shaped("(5,)", "'<c16'"), "numbers"),
    "text": (shaped("(5,)", "'<U4'"), "numbers"),
    "bomb": (shaped("(67108864,)", "'|i1'", bytes(2**26)), "is too large"),
}


def archives(good, name):
    """Yield (what, bytes, rule) of an archive ``good`` whose array ``name`` is not as it should."""
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        members = {info: archive.read(info) for info in archive.namelist()}
    key = f"{name}.npy"
    for what, (data, rule) in ARRAYS.items():
        yield what, zipped([(n, data if n == key else b) for n, b in members.items()]), rule
    pairs = list(members.items())
    yield "twice", zipped([*pairs, (key, saved(np.zeros(3)))]), f"there are two arrays {name}"
    for kind, word in ((zipfile.ZIP_LZMA, "LZMA"), (zipfile.ZIP_BZIP2, "bzip2")):
        yield word, zipped(pairs, kind), "is compressed in a way that numpy does not write"
    raw = bytearray(good)
    for at in places(raw, b"PK\1\2"):
        raw[at + 8] |= 1
    yield "encrypted", bytes(raw), "is encrypted"
    yield "cut", good[:len(good) // 2], "damaged"
    yield "nothing", b"", "damaged"
    yield "no members", b"PK\5\6" + bytes(18), ""
    yield "many members", zipped([(f"{n}.npy", b"") for n in range(5000)]), "more than 4096 arrays"


def places(data, word):
    """Where ``word`` begins."""
    at = data.find(word)
    while at >= 0:
        yield at
        at = data.find(word, at + 1)


def header_changed(good, **changes):
    """A network's archive with other fields in its header."""
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    header = json.loads(str(np.load(io.BytesIO(members["header.npy"]))))
    members["header.npy"] = saved(np.array(json.dumps({**header, **changes})))
    return zipped(members.items())


ESCAPES = "a\nb\x1b[31m[/red][link=file:///x]\x1b]0;t\x07\x9b2J\u202e$\\frac$"


# --- graphs ---------------------------------------------------------------------------------------


def graph(path, change):
    """A NIR file of a dense layer, changed by ``change(file, nodes)``."""
    with h5py.File(path, "w") as file:
        file["node/type"] = "NIRGraph"
        nodes = file.create_group("node/nodes")
        for name, fields in {
            "input": {"type": "Input", "shape": np.array([64])},
            "output": {"type": "Output", "shape": np.array([10])},
            "fc": {"type": "Affine", "weight": np.ones((10, 64)), "bias": np.zeros(10)},
            "lif": {"type": "LIF", "tau": np.full(10, 1e-3), "r": np.ones(10),
                    "v_leak": np.zeros(10), "v_threshold": np.ones(10)},
        }.items():
            for key, value in fields.items():
                nodes[f"{name}/{key}"] = value
        file["node/edges"] = np.array([["input", "fc"], ["fc", "lif"], ["lif", "output"]],
                                      dtype=h5py.string_dtype())
        change(file, nodes)


def put(nodes, key, *args, **options):
    """A dataset in place of another one, or in addition."""
    if key in nodes:
        del nodes[key]
    return nodes.create_dataset(key, *args, **options)


def linked(name, link):
    """A change that puts a link in."""
    def change(file, nodes):
        if name in nodes:
            del nodes[name]
        nodes[name] = link
    return change


def wide(file, nodes):
    """A graph of 200 x 200 x 200 ways to one group."""
    level = file.create_group("deep")
    level["type"] = "NIRGraph"
    for depth in range(3):
        up = file.create_group(f"deep{depth}")
        up["type"] = "NIRGraph"
        inner = up.create_group("nodes")
        for n in range(200):
            inner[f"n{n}"] = level
        level = up
    nodes["wide"] = level


def virtual(file, nodes):
    """Weights that are a view of another file."""
    layout = h5py.VirtualLayout((10, 64), "f8")
    layout[:] = h5py.VirtualSource("other.nir", "x", (10, 64))
    del nodes["fc/weight"]
    nodes["fc"].create_virtual_dataset("weight", layout)


def many(file, nodes):
    for n in range(3000):
        nodes.create_group(f"n{n}")


PACKED = {"chunks": (2**20,), "compression": "gzip"}
ELSEWHERE, LINK = "lies in another file, which is not read", "is a link to another place"
GRAPHS = {  # change, and the rule by which it is refused, "" where it is read
    "as it should be": (lambda file, nodes: None, ""),
    "external link": (linked("fc", h5py.ExternalLink("other.nir", "/node/nodes/fc")), LINK),
    "external field": (linked("fc/weight", h5py.ExternalLink("other.nir", "/x")), LINK),
    "link to a FIFO": (linked("fc", h5py.ExternalLink("fifo", "/x")), LINK),
    "soft link": (linked("fc", h5py.SoftLink("/node/nodes/lif")), LINK),
    "soft cycle": (linked("me", h5py.SoftLink("/node/nodes/me")), LINK),
    "foreign data": (lambda file, nodes: put(nodes, "fc/weight", (10, 64), "u1",
                                             external=[("/etc/passwd", 0, 640)]), ELSEWHERE),
    "foreign data of a FIFO": (lambda file, nodes: put(nodes, "fc/weight", (10, 64), "u1",
                                                       external=[("fifo", 0, 640)]), ELSEWHERE),
    "view of another file": (virtual, ELSEWHERE),
    "wide": (wide, "is linked in twice"),
    "within itself": (lambda file, nodes: nodes.__setitem__("me", file["node"]),
                      "is linked in twice"),
    "many nodes": (many, "there are more than 1000 nodes"),
    "unused 30 GiB": (lambda file, nodes: [put(nodes, f"fc/x{n}", (2**27,), "f8", **PACKED)
                                           for n in range(30)], ""),
    "unused FIFO": (lambda file, nodes: put(nodes, "fc/x", (10,), "u1",
                                            external=[("fifo", 0, 10)]), ""),
    "used 4 GiB": (lambda file, nodes: put(nodes, "fc/weight", (2**29,), "f8", **PACKED),
                   "all arrays together have more than"),
    "one piece of 3 GiB": (lambda file, nodes: put(
        nodes, "fc/weight", (10, 64), "f8", chunks=(10, 2**25), maxshape=(None, None),
        compression="gzip"), "is packed in pieces of over"),
    "long type": (lambda file, nodes: put(nodes, "fc/type", (2**20,), "S4000", chunks=(16,)),
                  "holds more than 4096 names"),
    "wide type": (lambda file, nodes: put(nodes, "fc/type", (4,), "S100000"),
                  "must be text of at most 4096 characters"),
    "ragged": (lambda file, nodes: put(nodes, "fc/weight", (3,), h5py.vlen_dtype(np.float64)),
               "must be real numbers"),
    "records": (lambda file, nodes: put(nodes, "fc/weight", (10,), [("a", "f8")]),
                "must be real numbers"),
    "empty": (lambda file, nodes: put(nodes, "fc/weight", data=h5py.Empty("f8")), "is empty"),
    "bad text": (lambda file, nodes: put(nodes, "fc/type", data=np.bytes_(b"\xff\x1b")),
                 "is not supported"),
    "a number for a graph": (lambda file, nodes: [file.pop("node"), file.__setitem__("node", 3)],
                             "is missing, or no group"),
}


def graphs(folder):
    """Yield (what, path, rule) of NIR files in ``folder``."""
    folder = Path(folder)
    if not (folder / "fifo").exists():
        os.mkfifo(folder / "fifo")
    graph(folder / "other.nir", lambda file, nodes: file.__setitem__("x", np.ones((10, 64))))
    for n, (what, (change, rule)) in enumerate(GRAPHS.items()):
        path = folder / f"g{n}.nir"
        graph(path, change)
        yield what, path, rule


# --- pictures -------------------------------------------------------------------------------------


def chunk(kind, data):
    """A piece of a PNG."""
    return (struct.pack(">I", len(data)) + kind + data
            + struct.pack(">I", zlib.crc32(kind + data)))


def png(width, height, data=b"", *, depth=8, colour=0, more=b""):
    """A PNG with these samples behind its head, ``more`` pieces between."""
    return (b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
            + more + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b""))


def rows(values):
    """Samples as a PNG holds them: a byte 0 before each row."""
    return b"".join(b"\0" + row.tobytes() for row in values)


def pictures(height, width):
    """Yield (what, bytes, rule) of PNGs of this size, of the samples 0, 1, 2 and so on.

    The rule is "" where they are read, and None where it is Pillow's to say.
    """
    grey = np.arange(height * width, dtype=np.uint8).reshape(height, width)
    good = png(width, height, rows(grey))
    bomb = chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(2**24)))
    yield "good", good, ""
    yield "huge", png(60000, 60000), "has more than 67108864 pixels"
    yield "larger still", png(2**31 - 1, 2**31 - 1), "has more than 67108864 pixels"
    yield "text bomb", png(width, height, rows(grey), more=bomb), "damaged"
    yield "profile bomb", png(width, height, rows(grey), more=chunk(
        b"iCCP", b"k\0\0" + zlib.compress(bytes(2**24)))), None
    yield "cut", good[:-20], "damaged"
    yield "cut samples", png(width, height, rows(grey)[:-3]), "damaged"
    yield "cut head", good[:20], None
    yield "no picture", b"hello", "no picture"
    yield "nothing", b"", "no picture"
    yield "bad palette", png(width, height, rows(grey), colour=3), None
    yield "sixteen bits", png(width, height, rows((grey * 256.0 + 7).astype(">u2")), depth=16), ""
    solid = np.stack([grey, np.full_like(grey, 255)], axis=-1)
    yield "opaque", png(width, height, rows(solid), colour=4), ""
    clear = solid.copy()
    clear[0, 0, 1] = 254
    yield "transparent", png(width, height, rows(clear), colour=4), "has transparent pixels"
    yield "one clear colour", png(width, height, rows(grey), more=chunk(b"tRNS", b"\0\3")), (
        "has transparent pixels")
