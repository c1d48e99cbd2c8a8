"""The pages and answers of boards.view: one engine, one image at a time."""

import base64
import binascii
import json
import re
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bottle
import numpy as np

from apps.backends import same
from golden.explain import methods
from golden.explain.faithfulness import probabilities
from golden.explain.methods.base import Question, where_words
from golden.formats import MODES, SCORE_FRAC
from golden.io.errors import BadInput

if TYPE_CHECKING:
    from apps.backends import ModelBackend

__all__ = ["service"]

PAGE = Path(__file__).with_name("page")
LARGEST = 2**20  # bytes of a request, or what two images of the network take
SKIPPED = 2**24  # bytes of a request too large that are read all the same, to be heard out


def service(engine: "ModelBackend", *, images: np.ndarray | None = None,
            labels: np.ndarray | None = None, hosts: tuple[str, ...] = ()) -> bottle.Bottle:
    """A WSGI application.

    ``GET /`` is the page, ``/api/state`` what it shows first, ``/api/sample/N`` an image of the
    sample set. ``POST /api/explain`` ({"pixels": base64 of (C, H, W) bytes}) gives all of one
    image, ``POST /api/method`` ({"pixels", "method"}) the map of a method of golden.explain,
    ``POST /api/settings`` ({"gamma", "mode"}) rewrites the table and the mode of the device.
    What cannot be answered is {"error": one line}. Requests under another name than one of
    ``hosts`` are refused, so that no page elsewhere gets at the board through a name of its own.
    """
    app, lock = bottle.Bottle(), threading.Lock()
    largest = max(LARGEST, 8 * int(np.prod(engine.network.shape)) // 3)
    network, shown = engine.network, 0 if images is None else len(images)

    @app.hook("before_request")
    def known():
        name = re.sub(r":\d*$", "", bottle.request.get_header("Host", ""))
        if hosts and name not in hosts:
            bottle.abort(403, f"not served under the name {name}")

    def answer(work):
        """JSON of what ``work`` gives of the request's JSON, or of its error."""
        bottle.response.content_type = "application/json"
        try:
            if bottle.request.get_header("Content-Type", "").split(";")[0] != "application/json":
                raise BadInput("the request must be JSON")
            some = body(bottle.request.environ, largest, network.shape)
            try:
                asked = json.loads(some)
            except (ValueError, RecursionError):  # no UTF-8, too long a number, too deep
                raise BadInput("the request must be JSON") from None
            if not isinstance(asked, dict):
                raise BadInput("the request must be a JSON object")
            with lock:
                return json.dumps(work(asked))
        except BadInput as error:
            bottle.response.status = 413 if isinstance(error, TooLarge) else 400
            return json.dumps({"error": str(error)})
        except TimeoutError:
            bottle.response.status = 408
            return json.dumps({"error": "the request did not arrive in time"})
        except OSError as error:  # LinkError: the board is gone, or does not answer
            bottle.response.status = 502
            return json.dumps({"error": f"{error.filename or ''}: {error.strerror or error}"})

    @app.get("/")
    def page():
        return bottle.static_file("index.html", root=PAGE)

    @app.get("/page/<name>")
    def asset(name):
        return bottle.static_file(name, root=PAGE)

    @app.get("/api/state")
    def state():
        channels, height, width = network.shape
        return {"notice": engine.notice, "network": network.name, "digest": network.digest,
                "channels": channels, "height": height, "width": width, "steps": network.steps,
                "classes": [str(name) for name in network.notes.get("classes")
                            or range(network.classes)],
                "samples": shown, "methods": list(methods.METHODS), "modes": MODES,
                "gamma": engine.gamma, "mode": engine.mode}

    @app.get("/api/sample/<number:int>")
    def sample(number):
        if not 0 <= number < shown:
            bottle.abort(404, f"there are {shown} samples")
        return {"pixels": base64.b64encode(images[number].tobytes()).decode(),
                "label": None if labels is None else int(labels[number])}

    @app.post("/api/explain")
    def explain():
        return answer(lambda asked: explained(engine, image_of(asked, network.shape)))

    @app.post("/api/method")
    def method():
        return answer(lambda asked: mapped(engine, image_of(asked, network.shape),
                                           asked.get("method")))

    @app.post("/api/settings")
    def settings():
        def work(asked):
            engine.set(asked.get("gamma"), asked.get("mode"))
            return {"gamma": engine.gamma, "mode": engine.mode}
        return answer(work)

    return app


class TooLarge(BadInput):
    """A request longer than any that could be answered."""


def body(environ: dict, largest: int, shape: tuple[int, int, int]) -> bytes:
    """The bytes of a request, none kept of one longer than ``largest``; BadInput or TooLarge."""
    told = environ.get("CONTENT_LENGTH") or "0"
    if not re.fullmatch(r"[0-9]{1,18}", told, re.ASCII) or "HTTP_TRANSFER_ENCODING" in environ:
        raise BadInput("the request must tell its length as a number, in Content-Length")
    length, source = int(told), environ["wsgi.input"]
    if length > largest:
        left = min(length, SKIPPED)
        while left and (some := source.read(min(left, 2**16))):
            left -= len(some)
        raise TooLarge(f"a request must be at most {largest} bytes, not {length}: an image for "
                       f"this network is {' x '.join(map(str, shape))} bytes, in base64")
    found = source.read(length)
    if len(found) < length:
        raise BadInput(f"the request ended after {len(found)} of {length} bytes")
    return found


def image_of(asked: dict, shape: tuple[int, int, int]) -> np.ndarray:
    """The image of a request, or BadInput."""
    size = int(np.prod(shape))
    try:
        pixels = base64.b64decode(asked.get("pixels", ""), validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise BadInput("pixels must be base64") from None
    if len(pixels) != size:
        raise BadInput(f"an image must be {size} bytes for this network, not {len(pixels)}")
    return np.frombuffer(pixels, dtype=np.uint8).reshape(shape)


def mapped(engine: "ModelBackend", image: np.ndarray, name: object) -> dict[str, Any]:
    """The map of an image by one method of golden.explain.methods, for the class answered."""
    method = methods.named(str(name), "method")
    of_sam = {each: getattr(engine, each) for each in ("gamma", "mode") if each in method.takes}
    question = methods.checked(Question(method=method.name, **of_sam), engine.network)
    found = methods.answer(question, engine.network, image, engine.model(image)[1])
    return {"method": method.name, "where": where_words(question.layer or 0),
            "heat": np.round(found.heat, 6).tolist(), "signed": found.signed, "unit": found.unit,
            "whole": found.whole, "title": found.title}


def explained(engine: "ModelBackend", image: np.ndarray) -> dict[str, Any]:
    """All that the page shows of one image, the model's own results checked against it."""
    began = time.perf_counter()
    result = engine.explain(image)
    seconds = time.perf_counter() - began
    model, found = engine.model(image)
    layers = [tap for tap in engine.network.taps if tap in found.spikes]
    answer = {
        "pred": result.pred, "share": float(probabilities(result.logits, engine.network).max()),
        "scores": result.scores.tolist(), "counts": result.counts.tolist(),
        "seconds": seconds, "equal": same(result, model), "stepwise": bool(result.maps),
        "gamma": engine.gamma, "mode": engine.mode, "unit": 2**-SCORE_FRAC, "link": engine.link(),
        "input": np.abs(found.spikes_input[0]).sum(axis=1).tolist(),
        "taps": [{"layer": tap, "sum": result.sums[tap].tolist(),
                  "maps": (result.maps or model.maps)[tap].tolist(),
                  "spikes": found.spikes[tap][0].sum(axis=1, dtype=int).tolist()}
                 for tap in layers],
    }
    if engine.hz:
        answer |= {"cycles": result.cycles, "waits": result.waits, "hz": engine.hz,
                   "saturated": result.saturated, "bytes": engine.bytes}
    return answer
