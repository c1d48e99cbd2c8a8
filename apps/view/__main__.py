"""python -m boards.view: a page on this computer that shows live what the chip sees.

Drop an image, draw one, or step through the samples; see its spikes, its maps step by step, the
scores over time; change gamma and mode on the device.
"""

import base64
import contextlib
import io
import json
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from ipaddress import ip_address
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import numpy as np

from apps.backends import arguments, opened
from apps.view.service import service
from golden.images import load_images
from golden.io.arguments import command_parser
from golden.io.errors import BadInput, command
from golden.io.shipped import sample_of
from golden.io.text import say
from golden.network.encoders import encoder_of
from golden.run import run

if TYPE_CHECKING:
    import argparse

LOCAL = ("127.0.0.1", "localhost", "[::1]")
SECONDS = 10  # in which a request must have arrived
MOST = 64     # connections whose request is awaited


class Server(ThreadingMixIn, WSGIServer):
    """One thread a request; the engine is locked by the service.

    Of more than MOST connections that have not sent their headers the oldest are closed, and new
    ones are, where twice as many have threads.
    """

    daemon_threads, request_queue_size = True, 2 * MOST

    def __init__(self, *args: tuple[str, int] | type):
        self._lock, self._awaited, self._open = threading.Lock(), {}, 0
        super().__init__(*args)

    def process_request(self, request, client_address: tuple[str, int]) -> None:
        with self._lock:
            if self._open >= 2 * MOST:
                self.shutdown_request(request)
                return
            self._open += 1
            self._awaited[request] = None
            while len(self._awaited) > MOST:
                oldest = next(iter(self._awaited))
                del self._awaited[oldest]
                with contextlib.suppress(OSError):
                    oldest.shutdown(socket.SHUT_RDWR)
        super().process_request(request, client_address)

    def process_request_thread(self, request, client_address: tuple[str, int]) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.heard(request)
            with self._lock:
                self._open -= 1

    def heard(self, request) -> None:
        """The headers of a request have come."""
        with self._lock:
            self._awaited.pop(request, None)


class Arriving(io.RawIOBase):
    """What comes over a connection until SECONDS after it was made; then TimeoutError."""

    def __init__(self, connection: socket.socket):
        self._connection, self._until = connection, time.monotonic() + SECONDS

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        try:
            return self._connection.recv_into(buffer)
        finally:
            self._connection.settimeout(SECONDS)


class Quiet(WSGIRequestHandler):
    """Does not print each request, and gives up one that does not arrive or is not taken."""

    timeout = SECONDS

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(Arriving(self.connection))

    def parse_request(self) -> bool:
        found = super().parse_request()
        self.server.heard(self.connection)
        return found

    def handle(self) -> None:
        with contextlib.suppress(TimeoutError, ConnectionError):
            super().handle()

    def finish(self) -> None:
        with contextlib.suppress(TimeoutError, ConnectionError):
            super().finish()

    def log_message(self, *_: str) -> None:
        pass


def served(host: str, port: int, app: Callable) -> tuple[Server, str, bool]:
    """(server, its URL, whether only this computer reaches it); BadInput if there can be none."""
    name = host.strip("[]")
    try:
        if not name:
            raise OSError("an address is needed; 0.0.0.0 is all of this computer's")
        family, _, _, _, at = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)[0]
        kind = type("Server", (Server,), {"address_family": family})
        server = make_server(at[0], port, app, kind, Quiet)
    except (OSError, UnicodeError) as error:
        raise BadInput(f"--host {host!r} --http {port}: "
                       f"{getattr(error, 'strerror', None) or error}") from None
    shown = f"[{name}]" if ":" in name else name
    return server, f"http://{shown}:{server.server_port}", ip_address(at[0]).is_loopback


def parser(prog: str = "python -m boards.view") -> "argparse.ArgumentParser":
    """Arguments of the command."""
    found = command_parser(
        prog, "A page on this computer that shows live what the chip sees.",
        examples=("--demo", "--demo rtl --network digits", "--port /dev/ttyUSB1"),
        codes="Exit code 0: the self-test passed; 1: it did not; 2: bad input; 130: stopped.")
    arguments(found)
    found.add_argument("--images", metavar="FILE",
                       help="samples to step through (default: those of a network that comes with "
                            "the project)")
    found.add_argument("--host", default="127.0.0.1",
                       help="address to serve at; another one than the default lets others in")
    found.add_argument("--http", type=int, default=8000, metavar="N",
                       help="port to serve at, 0 for any free one (default: %(default)s)")
    found.add_argument("--selftest", action="store_true",
                       help="serve, fetch the page, explain one real image, print times and end")
    return found


def samples(args: "argparse.Namespace", network):
    """(images, labels) to step through, (None, None) if there are none for this network."""
    if encoder_of(network).frames:
        raise BadInput(f"{args.network}: takes frames of every step; this page shows images")
    if args.images:
        return load_images(args.images, network)
    try:
        return load_images(sample_of(args.network) or "fashion", network)
    except BadInput:
        return None, None


def selftest(url, engine, images):
    """Fetch the page and explain one image through it; return an exit code."""
    def ask(path, asked=None):
        request = urllib.request.Request(url + path, headers={"Content-Type": "application/json"},
                                         data=None if asked is None else json.dumps(asked).encode())
        began = time.perf_counter()
        with urllib.request.urlopen(request, timeout=300) as found:
            text = found.read()
        return text, time.perf_counter() - began

    if images is None:
        raise BadInput("--selftest: no images for this network; give some by --images")
    page, seconds = ask("/")
    say(f"page: {len(page)} bytes in {1000 * seconds:.1f} ms")
    pixels = json.loads(ask("/api/sample/0")[0])["pixels"]
    image = np.frombuffer(base64.b64decode(pixels), np.uint8).reshape(engine.network.shape)
    good = b"<title>" in page
    for gamma, mode in ((0.5, "paper"), (0.2, "inclusive")):
        ask("/api/settings", {"gamma": gamma, "mode": mode})
        text, seconds = ask("/api/explain", {"pixels": pixels})
        found = json.loads(text)
        # Computed here once more, so that the page's own word for it is not all there is.
        wanted = run(image[None], engine.network, taps=engine.taps, gamma=gamma, mode=mode)
        equal = found["equal"] and found["scores"] == wanted.scores[0].tolist() and all(
            tap["maps"] == wanted.maps[tap["layer"]][0].tolist() for tap in found["taps"])
        good &= equal
        say(f"explain, gamma {gamma}, {mode}: class {found['pred']}, equals the model: "
            f"{'yes' if equal else 'NO'}; {1000 * seconds:.1f} ms from request to answer, "
            f"{1000 * found['seconds']:.1f} ms of them the engine's")
        if "cycles" in found:
            cycles, hz = found["cycles"], found["hz"]
            say(f"  chip: {cycles} cycles ({1000 * cycles / hz:.2f} ms at {hz / 1e6:g} MHz), "
                f"{found['waits']} of them waiting for the wire; {found['bytes'][0]} bytes to "
                f"it, {found['bytes'][1]} from it")
    say("self-test passed" if good else "self-test FAILED")
    return 0 if good else 1


def names(url: str, local: bool):
    """Names under which requests to ``url`` are answered; () for all, where others are let in."""
    return (*LOCAL, urlsplit(url).netloc.rpartition(":")[0]) if local else ()


@command
def main(argv: list[str] | None = None, prog: str = "python -m boards.view") -> None:
    args = parser(prog).parse_args(argv)
    if not 0 <= args.http < 2**16:
        raise BadInput(f"--http must be 0 to 65535, not {args.http}")
    if args.demo == "rtl":
        say("building the simulation (a minute the first time) ...", file=sys.stderr)
    with opened(args.network, demo=args.demo, port=args.port, baud=args.baud,
                taps=args.tap or ()) as engine:
        images, labels = samples(args, engine.network)
        server, url, local = served(args.host, 0 if args.selftest else args.http, None)
        server.set_app(service(engine, images=images, labels=labels, hosts=names(url, local)))
        if args.selftest:
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            try:
                code = selftest(url, engine, images)
            finally:
                server.shutdown()
                server.server_close()
            raise SystemExit(code)
        say(f"serving {url} (Ctrl-C ends it)", flush=True)
        try:
            server.serve_forever()
        finally:
            server.server_close()


if __name__ == "__main__":
    main()
