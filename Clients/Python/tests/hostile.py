# SPDX-License-Identifier: Apache-2.0
"""A TLS server that answers what a test says, right or wrong."""

from __future__ import annotations

import gzip
import json
import ssl
import subprocess
import threading
from collections.abc import Callable
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

from ting_client.canonical import Json
from ting_client.wire import Server

Answer = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """One request: `message` is its JSON; the methods answer it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.message: Json = json.loads(body) if body else {}
        self.server.answer(self)

    do_GET = do_POST

    def give(self, message: object) -> None:
        self.give_bytes(message if isinstance(message, bytes) else json.dumps(message).encode())

    def give_bytes(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.begin(status, **{"Content_Length": str(len(body))} | headers)
        self.wfile.write(body)

    def give_raw(self, data: bytes) -> None:
        self.wfile.write(data)

    def begin(self, status: int = 200, **headers: str) -> None:
        """The head alone; an underscore in a name stands for a hyphen."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class _Listener(ThreadingHTTPServer):
    answer: Answer
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that goes away is what the tests are about."""


class HostileServer:
    """It listens until it is left, under a certificate that ended yesterday if `is_expired`."""

    def __init__(self, answer: Answer, is_expired: bool = False) -> None:
        certificate, key = _certificate(is_expired)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with TemporaryDirectory() as folder:
            pem = Path(folder) / "both.pem"
            pem.write_text(certificate + key, encoding="ascii")
            context.load_cert_chain(pem)
        self._listener = _Listener(("127.0.0.1", 0), Request)
        self._listener.answer = answer
        self._listener.socket = context.wrap_socket(
            self._listener.socket, server_side=True, do_handshake_on_connect=False
        )
        self.certificate, self.port = certificate, self._listener.server_address[1]

    def __enter__(self) -> Server:
        """A client of it."""
        threading.Thread(target=self._listener.serve_forever, args=(0.02,), daemon=True).start()
        self._client = Server("127.0.0.1", self.port, self.certificate, "token")
        return self._client

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self._listener.shutdown()
        self._listener.server_close()


def new_certificate() -> str:
    """PEM of a certificate that no server here has."""
    return _certificate.__wrapped__(False)[0]


@cache
def _certificate(is_expired: bool) -> tuple[str, str]:
    """PEM of a certificate that is its own CA, and its key."""
    with TemporaryDirectory() as folder:
        key, certificate = Path(folder) / "key.pem", Path(folder) / "certificate.pem"
        kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key))
        name = ("-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-out", str(certificate))
        _openssl("req", "-x509", *kind, *name, "-days", "1")
        if is_expired:
            old = certificate.rename(Path(folder) / "old.pem")
            _openssl("x509", "-in", str(old), "-days", "-1", "-signkey", str(key), "-out", str(certificate))
        return certificate.read_text(encoding="ascii"), key.read_text(encoding="ascii")


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
