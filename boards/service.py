"""The pages and answers of boards.view: one engine, one image at a time."""

import base64
import binascii
import json
import threading
import time
from pathlib import Path

import bottle
import numpy as np

from boards.engines import same
from golden.errors import BadInput
from golden.formats import MODES, SCORE_FRAC

__all__ = ["service"]

PAGE = Path(__file__).with_name("page")
LARGEST = 2**20  # bytes of a request


def service(engine, *, images=None, labels=None, hosts=()):
    """A WSGI application.

    ``GET /`` is the page, ``/api/state`` what it shows first, ``/api/sample/N`` an image of the
    sample set. ``POST /api/explain`` ({"pixels": base64 of (C, H, W) bytes}) gives all of one
    image, ``POST /api/settings`` ({"gamma", "mode"}) rewrites the table and the mode of the device.
    What cannot be answered is {"error": one line}. Requests under another name than one of
    ``hosts`` are refused, so that no page elsewhere gets at the board through a name of its own.
    """
    app, lock = bottle.Bottle(), threading.Lock()
    bottle.BaseRequest.MEMFILE_MAX = LARGEST
    network, shown = engine.network, 0 if images is None else len(images)

    @app.hook("before_request")
    def known():
        name = bottle.request.get_header("Host", "").rsplit(":", 1)[0]
        if hosts and name not in hosts:
            bottle.abort(403, f"not served under the name {name}")

    def answer(work):
        """JSON of what ``work`` gives of the request's JSON, or of its error."""
        bottle.response.content_type = "application/json"
        try:
            if bottle.request.get_header("Content-Type", "").split(";")[0] != "application/json":
                raise BadInput("the request must be JSON")
            asked = json.loads(bottle.request.body.read(LARGEST))
            if not isinstance(asked, dict):
                raise BadInput("the request must be a JSON object")
            with lock:
                return json.dumps(work(asked))
        except json.JSONDecodeError:
            bottle.response.status = 400
            return json.dumps({"error": "the request must be JSON"})
        except BadInput as error:
            bottle.response.status = 400
            return json.dumps({"error": str(error)})
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
                "samples": shown, "modes": MODES, "gamma": engine.gamma, "mode": engine.mode}

    @app.get("/api/sample/<number:int>")
    def sample(number):
        if not 0 <= number < shown:
            bottle.abort(404, f"there are {shown} samples")
        return {"pixels": base64.b64encode(images[number].tobytes()).decode(),
                "label": None if labels is None else int(labels[number])}

    @app.post("/api/explain")
    def explain():
        return answer(lambda asked: explained(engine, image_of(asked, network.shape)))

    @app.post("/api/settings")
    def settings():
        def work(asked):
            engine.set(asked.get("gamma"), asked.get("mode"))
            return {"gamma": engine.gamma, "mode": engine.mode}
        return answer(work)

    return app


def image_of(asked, shape):
    """The image of a request, or BadInput."""
    size = int(np.prod(shape))
    try:
        pixels = base64.b64decode(asked.get("pixels", ""), validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise BadInput("pixels must be base64") from None
    if len(pixels) != size:
        raise BadInput(f"an image must be {size} bytes for this network, not {len(pixels)}")
    return np.frombuffer(pixels, dtype=np.uint8).reshape(shape)


def explained(engine, image):
    """All that the page shows of one image, the model's own results checked against it."""
    began = time.perf_counter()
    result = engine.explain(image)
    seconds = time.perf_counter() - began
    model, found = engine.model(image)
    layers = [tap for tap in engine.network.taps if tap in found.spikes]
    answer = {
        "pred": result.pred, "scores": result.scores.tolist(), "counts": result.counts.tolist(),
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
