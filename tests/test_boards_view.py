"""The live view: its answers, and its page in a real browser."""

import base64
import http.client
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from boards.engines import ModelEngine, same
from boards.results import Result
from golden.run import run
from tests.networks import draw
from tests.view_page import SIZES, browser, demo, opened, ready, serving

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
    engine = ModelEngine(draw(3, steps=(4,), plain=True), taps=(1,))
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
    for file in (Path("boards") / "page").iterdir():
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


@pytest.mark.parametrize("args, text", [
    (["--demo", "--http", "99999"], "--http must be 0 to 65535"),
    (["--demo", "--port", "/dev/ttyUSB0"], "--demo and --port: choose one"),
    (["--demo", "--tap", "9"], "--tap: layer 9 is no spiking layer"),
    (["--port", "/dev/nowhere"], "/dev/nowhere: there is no such port"),
    (["--demo", "--network", "absent.npz"], "absent.npz"),
])
def test_says_what_is_wrong(args, text):
    done = subprocess.run([sys.executable, "-m", "boards.view", *args], capture_output=True,
                          text=True)
    assert done.returncode == 2 and text in done.stderr and done.stderr.count("\n") == 1
