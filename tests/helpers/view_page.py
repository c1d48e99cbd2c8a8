"""The page of boards.view in a headless Chromium.

``python -m tests.view_page`` takes the pictures of the README, from the simulated chip.
"""

import argparse
import contextlib
import os
import shutil
import threading
from importlib.util import find_spec
from pathlib import Path
from wsgiref.simple_server import make_server

import pytest

from apps import backends
from apps.view.__main__ import LOCAL, Quiet, Server
from apps.view.service import service
from golden.images import load_images
from golden.io.files import replacing
from golden.network import load

SIZES = {"view.png": {"viewport": {"width": 1200, "height": 900}},
         "view_phone.png": {"viewport": {"width": 390, "height": 844}, "is_mobile": True,
                            "has_touch": True, "device_scale_factor": 1.5}}


@contextlib.contextmanager
def serving(engine, **options):
    """URL of a service of ``engine``."""
    server = make_server("127.0.0.1", 0, service(engine, hosts=LOCAL, **options), Server, Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def demo():
    """(engine, images, labels) of the network and the samples in the repository."""
    network = load("models/fashion.npz")
    images, labels = load_images("models/fashion_sample.npz", network)
    return backends.ModelBackend(network, taps=(2, 3, 4)), images, labels


@contextlib.contextmanager
def browser(*, camera=False):
    """The system's Chromium. Without one: a failure in CI, which installs it, else a skip.

    ``camera``: whether pages get one; it is Chromium's own, of a test picture.
    """
    from playwright.sync_api import sync_playwright
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        missing = "no chromium on PATH: apt-get install chromium"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with sync_playwright() as tools:
        # The sandbox needs rights that a container does not give.
        # A camera that plays a test picture stands in for a real one.
        found = tools.chromium.launch(executable_path=program, args=[
            "--no-sandbox", "--use-fake-device-for-media-stream",
            *(["--use-fake-ui-for-media-stream"] if camera else ["--deny-permission-prompts"])])
        try:
            yield found
        finally:
            found.close()


def opened(chromium, url, errors, **options):
    """The page, ready; what it complains of goes to ``errors``."""
    page = chromium.new_page(**options)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("requestfailed", lambda request: errors.append(request.url))
    page.goto(url)
    ready(page)
    return page


def faults(page):
    """What axe-core finds wrong in the page as it is: a line for each rule and element."""
    if not find_spec("axe_playwright_python"):
        missing = "no axe-core: pip install '.[test]'"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    import axe_playwright_python
    if not page.evaluate("'axe' in window"):
        page.evaluate(Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text())
    found = page.evaluate("axe.run()")
    assert len(found["passes"]) > 20
    return [f"{each['id']}: {node['html'][:120]}"
            for each in found["violations"] for node in each["nodes"]]


def ready(page):
    """Wait until an answer is shown."""
    page.wait_for_selector("body[data-state=ready]", timeout=60_000)


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.view_page", description=__doc__)
    parser.add_argument("--out", default="docs", metavar="DIR")
    args = parser.parse_args()
    _, images, labels = demo()
    errors = []
    with (backends.opened("models/fashion.npz", demo="rtl") as engine,
          serving(engine, images=images, labels=labels) as url, browser() as chromium):
        for name, size in SIZES.items():
            page = opened(chromium, url, errors, **size)
            page.locator("#step").fill("9")
            with replacing(Path(args.out) / name) as aside:
                page.screenshot(path=aside, full_page=True)
            print(f"wrote {Path(args.out) / name}")
    if errors:
        raise SystemExit("\n".join(errors))


if __name__ == "__main__":
    main()
