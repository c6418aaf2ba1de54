# SPDX-License-Identifier: Apache-2.0
"""Requests to a server: TLS under its pinned CA, messages in their JSON mapping (spec/transport.md)."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import socket
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from . import limits
from .canonical import Json, sha256
from .errors import Failure

PROTOCOL = 1
TIMEOUT_SECONDS = 60


class Problem(Failure):
    """A server's refusal: a problem document of spec/errors.md."""

    def __init__(self, status: int, document: Json) -> None:
        self.status = status
        self.code = str(document.get("code", "internal"))
        self.detail = str(document.get("detail", ""))
        sentence = f"{document.get('title', self.code)}: {self.detail} ({self.code})"
        super().__init__(sentence, str(document.get("remedy", "")))


class PinMismatch(Failure):
    """The server shows no certificate of the pinned CA."""


@dataclass(frozen=True)
class JoinAddress:
    """What `ting://HOST:PORT/join?code=CODE&pin=HEX` says; no pin means the system's roots."""

    host: str
    port: int
    code: str
    pin: str | None


def parse_join_address(text: str) -> JoinAddress:
    """Reads an address; raises `ValueError` for what is none."""
    parts = urlsplit(text.strip())
    query = {name: values[0] for name, values in parse_qs(parts.query).items() if len(values) == 1}
    if parts.scheme != "ting" or parts.path != "/join" or not parts.hostname or not parts.port:
        raise ValueError("a join address looks like ting://HOST:PORT/join?code=CODE&pin=HEX")
    if not re.fullmatch("[a-z2-7]{26}", query.get("code", "")):
        raise ValueError("the join address has no code of 26 characters")
    pin, trust = query.get("pin"), query.get("trust")
    is_pinned = trust is None and pin is not None and re.fullmatch("[0-9a-f]{64}", pin)
    if not is_pinned and (pin, trust) != (None, "system"):
        raise ValueError("the join address has neither a pin nor trust=system")
    return JoinAddress(parts.hostname, parts.port, query["code"], pin)


def shown_chain(host: str, port: int) -> list[bytes]:
    """The DER certificates that a server shows, unverified: to look for the pinned CA among them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((host, port), TIMEOUT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        return _unverified_chain(secure)


def _unverified_chain(secure: ssl.SSLSocket) -> list[bytes]:
    """Public from Python 3.13 on; before that the same method of the inner object."""
    if hasattr(secure, "get_unverified_chain"):
        return list(secure.get_unverified_chain())
    inner = getattr(secure, "_sslobj")
    return [ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in inner.get_unverified_chain()]


def pinned_ca(host: str, port: int, pin: str) -> str:
    """The PEM of the CA whose SHA-256 is the pin."""
    for certificate in shown_chain(host, port):
        if sha256(certificate).hex() == pin:
            return ssl.DER_cert_to_PEM_cert(certificate)
    raise PinMismatch(f"{host}:{port} shows no certificate with the pin {pin}")


def tls_context(ca_pem: str | None) -> ssl.SSLContext:
    """TLS 1.3 with names and dates checked, trusting one CA alone, or the system's roots."""
    context = ssl.create_default_context(cadata=ca_pem) if ca_pem else ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


class Server:
    """One server and the caller's token, over one connection that is kept; close it, or use it in a `with`."""

    def __init__(self, host: str, port: int, ca_pem: str | None, token: str = "", member: str = "") -> None:
        self.host, self.port, self.token, self.member = host, port, token, member
        self._context = tls_context(ca_pem)
        self._connection: http.client.HTTPSConnection | None = None

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def call(self, method: str, path: str, message: Json | None = None, query: dict[str, int] | None = None) -> Json:
        """A JSON exchange; raises `Problem` for every refusal."""
        body = None if message is None else json.dumps(message, ensure_ascii=False).encode("utf-8")
        _, data = self.exchange(method, path + ("?" + urlencode(query) if query else ""), body)
        return json.loads(data) if data else {}

    def exchange(
        self, method: str, target: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[http.client.HTTPMessage, bytes]:
        """One request and its answer, whole; raises `Problem` for every refusal."""
        status, answered, data = self.raw(method, target, body, headers or {})
        if status >= 300:
            raise _problem(status, data)
        return answered, data

    def raw(
        self, method: str, target: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Status, headers and body; an idle connection that the server closed is opened again."""
        try:
            return self._send(method, target, body, headers)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self.close()
            return self._send(method, target, body, headers)

    def _send(
        self, method: str, target: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(
                self.host, self.port, context=self._context, timeout=TIMEOUT_SECONDS
            )
        packed = _packed(body) if "Content-Encoding" not in headers else None
        if packed:
            headers = {"Content-Encoding": "gzip"} | headers
        self._connection.request(method, target, packed or body, self._headers(body) | headers)
        response = self._connection.getresponse()
        data = response.read()
        # A snapshot is asked for as it is: its ranges are of its own bytes.
        is_packed = response.headers.get("Content-Encoding") == "gzip"
        return response.status, response.headers, gzip.decompress(data) if is_packed else data

    def _headers(self, body: bytes | None) -> dict[str, str]:
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "Ting-Protocol": str(PROTOCOL)}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers


def _packed(body: bytes | None) -> bytes | None:
    """The body in gzip, where that is shorter and a server takes it (spec/transport.md#bodies)."""
    if body is None or len(body) < limits.GZIP_FROM_BYTES:
        return None
    packed = gzip.compress(body, 6)
    return packed if len(packed) < len(body) <= limits.INFLATION_RATIO * len(packed) else None


def _problem(status: int, data: bytes) -> Problem:
    try:
        document: Any = json.loads(data)
    except ValueError:
        document = None
    return Problem(status, document if isinstance(document, dict) else {"title": f"HTTP {status}"})


def workspace_path(slug: str, rest: str = "") -> str:
    return f"/v1/workspaces/{quote(slug, safe='')}{rest}"
