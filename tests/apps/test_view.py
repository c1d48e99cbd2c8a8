"""The live view: its answers, and its page in a real browser."""

import base64
import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from wsgiref.util import setup_testing_defaults

import numpy as np
import pytest
from PIL import Image

from apps.backends import ModelBackend, same
from apps.view import __main__ as view
from apps.view.service import service
from golden.explain import explain
from golden.explain.faithfulness import probabilities
from golden.network.result import Result
from golden.run import run
from tests.helpers.view_page import SIZES, browser, demo, faults, opened, ready, serving
from verify.networks import draw

pytestmark = pytest.mark.slow

JSON = {"Content-Type": "application/json"}


def asked(url, method, path, body=None, **headers):
    """(status, bytes) of a request to a service."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def post(url, path, value):
    status, text = asked(url, "POST", path, json.dumps(value), **JSON)
    return status, json.loads(text)


@pytest.fixture(scope="module")
def small():
    """A service of a small network, and its engine."""
    engine = ModelBackend(draw(3, steps=(4,), plain=True), taps=(1,))
    with serving(engine) as url:
        yield url, engine


def test_answers_are_goldens(small):
    url, engine = small
    image = np.random.default_rng(1).integers(0, 256, engine.network.shape, dtype=np.uint8)
    for gamma, mode in ((0.5, "paper"), (0.1, "official")):
        assert post(url, "/api/settings", {"gamma": gamma, "mode": mode})[0] == 200
        status, found = post(url, "/api/explain",
                             {"pixels": base64.b64encode(image.tobytes()).decode()})
        wanted = run(image[None], engine.network, gamma=gamma, mode=mode)
        assert status == 200 and found["scores"] == wanted.scores[0].tolist()
        assert found["counts"] == wanted.counts[0].tolist()
        tap, = (tap for tap in found["taps"] if tap["layer"] == 1)
        assert tap["maps"] == wanted.maps[1][0].tolist()
        assert tap["sum"] == wanted.maps[1][0].sum(axis=0).tolist()
        assert tap["spikes"] == wanted.spikes[1][0].sum(axis=1, dtype=int).tolist()


@pytest.mark.parametrize("path, value, text", [
    ("/api/explain", {"pixels": "%"}, "pixels must be base64"),
    ("/api/explain", {"pixels": 3}, "pixels must be base64"),
    ("/api/explain", {}, "an image must be"),
    ("/api/explain", [], "the request must be a JSON object"),
    ("/api/settings", {"gamma": -1, "mode": "paper"}, "gamma must be a finite number"),
    ("/api/settings", {"gamma": "x", "mode": "paper"}, "gamma must be a finite number"),
    ("/api/settings", {"gamma": 1, "mode": "other"}, "mode must be one of paper"),
])
def test_refuses_bad_requests(small, path, value, text):
    status, found = post(small[0], path, value)
    assert status == 400 and text in found["error"]


def test_keeps_to_its_files_and_its_name(small):
    url = small[0]
    assert asked(url, "GET", "/page/../service.py")[0] in (403, 404)
    assert asked(url, "GET", "/page/%2e%2e%2fservice.py")[0] in (403, 404)
    assert asked(url, "GET", "/", Host="elsewhere.example")[0] == 403
    assert asked(url, "POST", "/api/settings", "{}", **{"Content-Type": "text/plain"})[0] == 400
    assert asked(url, "POST", "/api/settings", "{", **JSON)[0] == 400
    assert asked(url, "GET", "/api/sample/0")[0] == 404


def test_nothing_comes_from_elsewhere():
    """The page's files name no other server."""
    for file in Path("apps/view/page").iterdir():
        assert "//" not in file.read_text().replace("// ", ""), file


def test_tells_when_the_chip_differs(small):
    """``equal`` is no constant: one score off is seen."""
    engine = small[1]
    image = np.zeros(engine.network.shape, dtype=np.uint8)
    right = engine.explain(image)
    off = right.scores + np.eye(*right.scores.shape, dtype=int)
    wrong = Result(**{**vars(right), "scores": off})
    assert same(right, right) and not same(wrong, right)


def test_page_in_a_browser():
    """Samples, step slider, gamma, drawing, a file, an error; then a phone, without scrolling."""
    engine, images, labels = demo()
    errors = []
    with serving(engine, images=images, labels=labels) as url, browser() as chromium:
        page = opened(chromium, url, errors, **SIZES["view.png"])
        wanted = engine.model(images[0])[1]
        names = engine.network.notes["classes"]
        assert "Demo" in page.inner_text("#notice")
        assert page.inner_text("#pred") == names[wanted.pred[0]]
        assert names[labels[0]] in page.inner_text("#label")

        def captions():
            return page.locator("figcaption").all_inner_texts()

        for step in (0, 9):
            page.locator("#step").fill(str(step))
            for tap in engine.taps:
                assert f"{wanted.spikes[tap][0, step].sum()} spikes" in captions()
        before = captions()
        page.locator("#gamma").fill("0")
        page.wait_for_function("found && found.gamma === 0")
        ready(page)
        assert engine.gamma == 0 and captions() != before
        top = engine.model(images[0])[1].maps[2][0].sum(axis=0).max() / 256
        assert f"SAM, sum over t (top {top:.1f})" in captions()
        page.select_option("#mode", "inclusive")
        page.wait_for_function("found.mode === 'inclusive'")

        page.click("#next")
        page.wait_for_function("number === 1 && document.body.dataset.state === 'ready'")
        assert page.inner_text("#sample") == f"2 of {len(images)}"
        page.click("#play")
        page.wait_for_function("document.getElementById('step').value !== '9'")
        page.click("#play")

        page.click("#clear")
        page.wait_for_function("found.counts[0] === 0")
        box = page.locator("#draw").bounding_box()
        page.mouse.move(box["x"] + 60, box["y"] + 60)
        page.mouse.down()
        page.mouse.move(box["x"] + 200, box["y"] + 200, steps=4)
        page.mouse.up()
        page.wait_for_function("found.counts[0] > 0")
        assert page.inner_text("#sample") == "yours"
        page.set_input_files("#file", "docs/heatmaps.png")
        page.wait_for_function("image.some((v, n) => n < 28 && v > 0)")
        # The answer to the file before clears what was said.
        ready(page)
        page.set_input_files("#file", "pyproject.toml")
        page.wait_for_function(
            "document.getElementById('error').innerText.includes('not an image')")

        phone = opened(chromium, url, errors, **SIZES["view_phone.png"])
        assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
        phone.tap("#next")
        phone.wait_for_function("number === 1 && document.body.dataset.state === 'ready'")
    assert not errors


def test_page_opens_on_a_map_and_gives_it_away():
    """On the last step whose map is not blank; as PNG, CSV and npz, which are the model's."""
    engine, images, labels = demo()
    errors = []
    with serving(engine, images=images, labels=labels) as url, browser() as chromium:
        page = opened(chromium, url, errors, viewport={"width": 1280, "height": 900},
                      accept_downloads=True)
        wanted = engine.model(images[0])[1]
        last = max(np.flatnonzero(maps[0].reshape(len(maps[0]), -1).any(axis=1)).max()
                   for tap, maps in wanted.maps.items() if tap in engine.taps)
        assert page.input_value("#step") == str(last) and last > 0

        def downloaded(name):
            with page.expect_download() as found:
                page.click(f"#{name}")
            return Path(found.value.path()).read_bytes(), found.value.suggested_filename

        picture, name = downloaded("png")
        assert picture.startswith(b"\x89PNG") and name == f"fashion_1_t{last}.png"
        rows = downloaded("csv")[0].decode().splitlines()
        assert rows[0].startswith('step,"') and len(rows) == 1 + engine.network.steps
        assert [int(v) for v in rows[-1].split(",")[1:]] == wanted.scores[0, -1].tolist()
        arrays = np.load(BytesIO(downloaded("npz")[0]))
        assert np.array_equal(arrays["image"], images[0])
        assert np.array_equal(arrays["scores"], wanted.scores[0])
        for tap in engine.taps:
            assert np.array_equal(arrays[f"sam_{tap}"], wanted.maps[tap][0])
            assert np.array_equal(arrays[f"spikes_by_pixel_{tap}"],
                                  wanted.spikes[tap][0].sum(axis=1, dtype=int))
    assert not errors


def test_page_by_keyboard_in_both_themes_and_on_three_widths():
    """Arrows, space, n, p and c; every control is reached by Tab, every canvas has a name."""
    engine, images, labels = demo()
    errors = []
    with serving(engine, images=images, labels=labels) as url, browser() as chromium:
        backs = []
        for theme, width in (("dark", 390), ("light", 1280), ("light", 2560)):
            page = opened(chromium, url, errors, viewport={"width": width, "height": 900},
                          color_scheme=theme)
            backs.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert backs[0] != backs[1] == backs[2]
        assert page.evaluate("[...document.querySelectorAll('canvas')].every("
                             "each => each.getAttribute('aria-label'))")
        before = int(page.input_value("#step"))
        page.keyboard.press("ArrowLeft")
        assert page.input_value("#step") == str(before - 1)
        page.keyboard.press("n")
        page.wait_for_function("number === 1 && document.body.dataset.state === 'ready'")
        assert page.input_value("#step") == str(before - 1), "a step that was chosen stays"
        page.keyboard.press("p")
        page.wait_for_function("number === 0 && document.body.dataset.state === 'ready'")
        page.keyboard.press("Space")
        assert "pause" in page.inner_text("#play")
        page.keyboard.press("Space")
        page.keyboard.press("c")
        page.wait_for_function("found.counts[0] === 0")
        reached = set()
        for _ in range(20):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.id"))
        assert {"previous", "next", "clear", "file", "invert", "fitting", "gamma", "mode", "play",
                "step", "png", "csv", "npz"} <= reached
    assert not errors


def test_nothing_that_axe_finds_in_both_themes():
    """On three widths, with the methods open; a canvas without its name is found."""
    engine, images, labels = demo()
    errors = []
    with serving(engine, images=images, labels=labels) as url, browser() as chromium:
        for theme, width in (("dark", 390), ("light", 1280), ("dark", 2560)):
            page = opened(chromium, url, errors, viewport={"width": width, "height": 900},
                          color_scheme=theme)
            page.click("#beside summary")
            page.wait_for_function("shown[0] && shown[1]")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert faults(page) == []
        page.evaluate("$('draw').removeAttribute('aria-label')")
        assert [line.split(":")[0] for line in faults(page)] == ["role-img-alt"]
    assert not errors


def test_an_image_is_explained_by_the_keyboard_alone():
    """From the address to another sample, other settings, two methods and a file: only keys."""
    engine, images, labels = demo()
    errors = []
    with serving(engine, images=images, labels=labels) as url, browser() as chromium:
        page = opened(chromium, url, errors, accept_downloads=True)

        def tab_to(name):
            for _ in range(40):
                page.keyboard.press("Tab")
                if page.evaluate("document.activeElement.id || "
                                 "document.activeElement.parentElement.id") == name:
                    # What has the keys is seen to have them.
                    assert page.evaluate("""document.activeElement.matches(':focus-visible') ||
                        !!document.activeElement.closest('.button:focus-within')""")
                    return
            pytest.fail(f"Tab does not come to {name}")
        tab_to("next")
        page.keyboard.press("Enter")
        page.wait_for_function("number === 1 && document.body.dataset.state === 'ready'")
        tab_to("gamma")
        before = page.input_value("#gamma")
        page.keyboard.press("ArrowRight")
        page.wait_for_function("found.gamma > told.gamma")
        ready(page)
        assert page.input_value("#gamma") != before
        tab_to("mode")
        page.keyboard.press("ArrowDown")
        page.wait_for_function("found.mode !== told.mode")
        ready(page)
        tab_to("step")
        page.keyboard.press("Home")
        assert page.inner_text("#at") == "t = 0"
        tab_to("csv")
        with page.expect_download() as download:
            page.keyboard.press("Enter")
        assert download.value.suggested_filename.endswith(".csv")
        tab_to("beside")
        page.keyboard.press("Enter")
        page.wait_for_function("shown[0] && shown[1]")
        tab_to("method-1")
        page.keyboard.press("ArrowDown")
        page.wait_for_function("shown[1].answer.method !== 'contribution'")
    assert not errors


def test_a_picture_of_a_camera_is_explained():
    """Chromium's own camera, which shows a moving test picture; and one that is not given."""
    engine, images, labels = demo()
    errors = []
    with serving(engine, images=images, labels=labels) as url:
        with browser(camera=True) as chromium:
            page = opened(chromium, url, errors)
            before = page.evaluate("[...image]")
            page.keyboard.press("v")
            page.wait_for_function("stream && $('live').videoWidth && $('live').currentTime > 0")
            assert page.locator("#live").is_visible()
            page.keyboard.press("v")
            page.wait_for_function("number === -1 && document.body.dataset.state === 'ready'")
            assert page.evaluate("[...image]") != before and page.evaluate("stream === null")
            assert page.evaluate("largest([...image])") > 100
            assert not page.locator("#live").is_visible()
        with browser() as chromium:
            page = opened(chromium, url, errors)
            page.click("#camera")
            page.wait_for_function("$('error').innerText.startsWith('no picture of a camera')")
    assert not errors


def test_two_methods_side_by_side_are_those_of_golden():
    """Of the image shown, at its step; another image and another method are asked for anew."""
    engine, images, labels = demo()
    errors = []
    with serving(engine, images=images, labels=labels) as url, browser() as chromium:
        page = opened(chromium, url, errors)
        share = probabilities(engine.model(images[0])[0].logits, engine.network).max()
        assert page.inner_text("#share") == f"softmax of the scores: {100 * share:.1f} %"
        assert "not calibrated" in page.get_attribute("#share", "title")
        page.click("#beside summary")
        page.wait_for_function("shown[0] && shown[1]")
        page.select_option("#method-0", "count")
        page.wait_for_function("shown[0].answer.method === 'count'")
        page.click("#next")
        page.wait_for_function("number === 1 && document.body.dataset.state === 'ready'")
        wanted = [explain(images[1], engine.network, name) for name in ("count", "contribution")]
        page.wait_for_function("([a, b]) => greatest(shown[0].answer.heat) === a && "
                               "Math.abs(greatest(shown[1].answer.heat) - b) < 1e-5",
                               arg=[float(np.abs(each.heat).max()) for each in wanted])
        for n, each in enumerate(wanted):
            assert np.allclose(page.evaluate(f"shown[{n}].answer.heat"), each.heat, atol=1e-6)
            assert page.evaluate(f"shown[{n}].answer.signed") == each.signed
        page.locator("#step").fill("3")
        assert page.locator(".side figcaption").all_inner_texts()[0] == "t = 3"
    assert not errors


def test_a_method_that_there_is_none(small):
    url, engine = small
    pixels = base64.b64encode(bytes(int(np.prod(engine.network.shape)))).decode()
    for name in ("gone", None, 3, ["sam"]):
        status, found = post(url, "/api/method", {"pixels": pixels, "method": name})
        assert status == 400 and found["error"].startswith("method: must be one of sam,")


def test_a_file_of_another_shape_is_cut_framed_or_stretched(tmp_path):
    """Its middle, all of it with a dark frame, or squashed; and turned over at once."""
    engine, images, labels = demo()
    wide = np.zeros((40, 80, 3), np.uint8)
    wide[:, 20:60] = 255                        # the middle is light, the sides are dark
    Image.fromarray(wide).save(tmp_path / "wide.png")
    errors = []
    with serving(engine, images=images, labels=labels) as url, browser() as chromium:
        page = opened(chromium, url, errors)
        page.set_input_files("#file", str(tmp_path / "wide.png"))
        page.wait_for_function("image.every(v => v > 200)")
        for how, row in (("fit", "image.slice(0, 28).every(v => !v) && image[14 * 28 + 14] > 200"),
                         ("stretch", "image[14] > 200 && image[0] === 0")):
            page.select_option("#fitting", how)
            page.wait_for_function(row)
        page.check("#invert")
        page.wait_for_function("image[14] < 50 && image[0] === 255")
    assert not errors


@pytest.mark.parametrize("args, text", [
    (["--demo", "--http", "99999"], "--http must be 0 to 65535"),
    (["--demo", "--host", ""], "--host '' --http 8000: an address is needed"),
    (["--demo", "--host", "[]"], "an address is needed"),
    (["--demo", "--host", "a" * 100], "--host 'aaa"),
    (["--demo", "--host", "203.0.113.7"], "--host '203.0.113.7' --http 8000: "),
    (["--demo", "--port", "/dev/ttyUSB0"], "--demo and --port: choose one"),
    (["--demo", "--tap", "9"], "--tap: layer 9 is no spiking layer"),
    (["--port", "/dev/nowhere"], "/dev/nowhere: there is no such port"),
    (["--demo", "--network", "absent.npz"], "absent.npz"),
])
def test_says_what_is_wrong(args, text):
    done = subprocess.run([sys.executable, "-m", "boards.view", *args], capture_output=True,
                          text=True)
    assert done.returncode == 2 and text in done.stderr and done.stderr.count("\n") == 1


# --- requests that nobody sends by mistake ------------------------------------------------------

def sent(url, *pieces, wait=30):
    """All that comes back for these bytes; more is sent only while it is taken."""
    host, port = url.removeprefix("http://").rsplit(":", 1)
    with socket.create_connection((host.strip("[]"), int(port)), timeout=wait) as line:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for piece in pieces:
                line.sendall(piece)
        found = b""
        with contextlib.suppress(ConnectionResetError):
            while some := line.recv(2**16):
                found += some
    return found


def head(length, kind="application/json"):
    return (f"POST /api/explain HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {length}\r\n\r\n").encode()


@pytest.mark.parametrize("text", [
    b"[" * 100_000, b'{"pixels": ' * 50_000, b"\xff\xfe{}", b'{"gamma": ' + b"9" * 5000 + b"}",
    b"", b"\0"])
def test_what_is_no_json_is_refused(small, text, capfd):
    """Too deep, no UTF-8, too long a number."""
    status, found = asked(small[0], "POST", "/api/explain", text, **JSON)
    assert status == 400 and json.loads(found)["error"] == "the request must be JSON"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("gamma", [10**400, "1e999", [1], None, {}])
def test_what_is_no_gamma_is_refused(small, gamma, capfd):
    status, found = post(small[0], "/api/settings", {"gamma": gamma, "mode": "paper"})
    assert status == 400 and "gamma must be a finite number" in found["error"]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("length", ["abc", "-1", "1.5", "+3", "9" * 5000, "\u0663"])
def test_what_is_no_length_is_refused(small, length, capfd):
    found = sent(small[0], head(0).replace(b": 0", b": " + length.encode("utf-8")))
    assert found.startswith(b"HTTP/1.0 400") and b"in Content-Length" in found
    assert capfd.readouterr().err == ""


def test_chunks_are_refused(small):
    found = sent(small[0], head(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked"),
                 b"5\r\n{}   \r\n0\r\n\r\n")
    assert found.startswith(b"HTTP/1.0 400") and b"in Content-Length" in found


def test_ten_gigabytes_are_not_kept(small):
    """64 MB of them sent: nothing is spooled, memory stays as it is, and the answer is soon."""
    before = {os.readlink(f"/proc/self/fd/{n}") for n in descriptors()}
    tracemalloc.start()
    try:
        began = time.monotonic()
        found = sent(small[0], head(10**10), *64 * [bytes(2**20)])
        assert time.monotonic() - began < 20 and tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()
    assert not found or found.startswith(b"HTTP/1.0 413")
    after = {os.readlink(f"/proc/self/fd/{n}") for n in descriptors()} - before
    assert not any("/tmp" in name for name in after)


def descriptors():
    found = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            os.readlink(f"/proc/self/fd/{name}")
            found.append(name)
    return found


def test_too_large_a_picture_is_told_the_size(small):
    """Two megabytes: the answer says how large an image may be."""
    picture = base64.b64encode(bytes(2**21)).decode()
    status, found = post(small[0], "/api/explain", {"pixels": picture})
    shape = " x ".join(map(str, small[1].network.shape))
    assert status == 413 and f"an image for this network is {shape} bytes" in found["error"]
    status, found = post(small[0], "/api/explain",
                         {"pixels": base64.b64encode(bytes(780_000)).decode()})
    assert status == 400 and "bytes for this network, not 780000" in found["error"]


def test_a_large_network_takes_its_own_images():
    """Of 3 x 600 x 600, of more than a megabyte."""
    engine = ModelBackend(SimpleNamespace(shape=(3, 600, 600)), taps=())
    app = service(engine)
    size = 3 * 600 * 600
    some = json.dumps({"pixels": base64.b64encode(bytes(size + 1)).decode()}).encode()
    said = []
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/api/explain", "wsgi.input": BytesIO(some),
               "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(some))}
    setup_testing_defaults(environ)
    answer = b"".join(app(environ, lambda status, *_: said.append(status)))
    assert said[0].startswith("400")
    assert f"an image must be {size} bytes" in json.loads(answer)["error"]


def test_half_open_connections_hold_nothing(small, monkeypatch, capfd):
    """300 of them: a bounded number of threads, everybody else is served, and they are closed."""
    monkeypatch.setattr(view, "SECONDS", 2)
    before, lines = threading.active_count(), []
    host, port = small[0].removeprefix("http://").split(":")
    try:
        for n in range(300):
            lines.append(socket.create_connection((host, int(port)), timeout=30))
            lines[-1].sendall(b"GET / HT" if n % 2 else b"")
        assert asked(small[0], "GET", "/api/state")[0] == 200
        assert threading.active_count() - before <= 2 * view.MOST
        for line in lines:
            with contextlib.suppress(ConnectionError):
                assert line.recv(1) == b""
    finally:
        for line in lines:
            line.close()
    until = time.monotonic() + 20
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.05)
    assert threading.active_count() <= before and capfd.readouterr().err == ""


@pytest.mark.parametrize("begun", [b"GET / HTTP/1.1\r\nHost: ", head(1000) + b"{"])
def test_a_trickle_ends(small, monkeypatch, begun, capfd):
    """A byte now and then: the whole request has its time, not each byte."""
    monkeypatch.setattr(view, "SECONDS", 1)
    host, port = small[0].removeprefix("http://").split(":")
    began = time.monotonic()
    with socket.create_connection((host, int(port)), timeout=30) as line:
        line.sendall(begun)
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - began < 20:
                line.sendall(b"a")
                line.settimeout(0.2)
                with contextlib.suppress(TimeoutError):
                    found = line.recv(100)
                    assert not found or found.startswith(b"HTTP/1.0 408")
                    break
    assert time.monotonic() - began < 15 and capfd.readouterr().err == ""


def plain(environ, start):
    """Answers x."""
    start("200 OK", [])
    return [b"x"]


@pytest.mark.parametrize("host, name, local", [
    ("127.0.0.1", "127.0.0.1", True), ("127.0.0.2", "127.0.0.2", True), ("::1", "[::1]", True),
    ("[::1]", "[::1]", True), ("localhost", "localhost", True), ("0.0.0.0", "0.0.0.0", False)])
def test_hosts(host, name, local):
    """Each address of this computer alone is served, in both families, and checks names."""
    if "::" in host and not socket.has_ipv6:
        pytest.fail("no IPv6 here")
    server, url, own = view.served(host, 0, plain)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        assert (url, own) == (f"http://{name}:{server.server_port}", local)
        assert sent(url, b"GET / HTTP/1.0\r\n\r\n").endswith(b"x")
        hosts = view.names(url, own)
        assert bool(hosts) == local and (not local or {name, "localhost"} <= set(hosts))
        server.set_app(service(ModelBackend(draw(3, steps=(4,), plain=True), taps=()), hosts=hosts))
        wanted = 403 if local else 200
        for other, status in ((f"{name}:{server.server_port}", 200), (name, 200),
                              ("elsewhere.example", wanted)):
            found = sent(url, f"GET / HTTP/1.0\r\nHost: {other}\r\n\r\n".encode())
            assert found.startswith(f"HTTP/1.0 {status}".encode())
    finally:
        server.shutdown()
        server.server_close()
