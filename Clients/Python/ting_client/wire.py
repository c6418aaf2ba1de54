# SPDX-License-Identifier: Apache-2.0
"""Requests to a server: messages in their JSON mapping, bounded both ways (spec/transport.md)."""

from __future__ import annotations

import gzip
import http.client
import json
import ssl
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from . import limits
from .answers import Form, MalformedAnswer, read
from .canonical import Json, json_bytes
from .errors import Failure
from .tls import SILENCE_SECONDS, TimedSocket, is_about_dates, told_of_tls, tls_context, wrong_date

PROTOCOL = 1
_LARGEST_BYTES = max(limits.CHANGE_SET_BYTE_LIMIT + limits.EFFECTS_BYTE_LIMIT, limits.BUCKET_BYTE_LIMIT)
ANSWER_BYTES = limits.PAGE_BYTE_LIMIT + 6 * _LARGEST_BYTES
"""What an answer may hold, inflated: the largest entry or bucket, of whose bytes JSON makes six each, and its frame."""
SENT_BYTES = limits.REQUEST_BYTE_LIMIT - limits.OUTBOX_PAGE_BYTE_LIMIT
"""What one change set or entry may take as JSON: the rest of its request is for links and digests."""
_CHUNK_BYTES = 65_536
_CLOSED_WHILE_IDLE = (ConnectionError, ssl.SSLError)
"""What sending on a connection raises that the server closed before: a bare end of TLS is an `SSLError`."""

Read = TypeVar("Read")


class Problem(Failure):
    """A server's refusal: a problem document of spec/errors.md."""

    def __init__(self, status: int, document: Json) -> None:
        self.status = status
        told = {name: one for name, one in document.items() if isinstance(one, str)}
        self.code, self.detail = told.get("code", "internal"), told.get("detail", "")
        super().__init__(f"{told.get('title', self.code)}: {self.detail} ({self.code})", told.get("remedy", ""))


class AnswerTooLarge(MalformedAnswer):
    """An answer beyond its bound, of which the rest was not read."""


class FileReplaced(Failure):
    """The server has another file than the one that is asked for; nothing of it was read."""


class Server:
    """One server and the caller's token, over one connection that is kept; close it, or use it in a `with`."""

    def __init__(self, host: str, port: int, ca_pem: str | None, token: str = "", member: str = "") -> None:
        self.host, self.port, self.token, self.member = host, port, token, member
        self._ca_pem, self._context = ca_pem, tls_context(ca_pem)
        self._connection: http.client.HTTPSConnection | None = None

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def call(
        self, method: str, path: str, form: Form, message: Json | None = None, query: dict[str, int] | None = None
    ) -> Json:
        """A JSON exchange; raises `Problem` for every refusal, `MalformedAnswer` for an answer of another form."""
        body = None if message is None else json_bytes(message)
        status, _, data = self.raw(method, path + ("?" + urlencode(query) if query else ""), body, {})
        if status >= 300:
            raise _problem(status, data)
        return read(data, form)

    def part(self, path: str, start: int, end: int, tag: str) -> bytes:
        """The bytes from start to before end of the file whose hash is the tag; raises `FileReplaced` for another."""

        def block(response: http.client.HTTPResponse) -> bytes:
            if response.status >= 300:
                raise _problem(response.status, _body(response, ANSWER_BYTES))
            if response.status != 206 or response.headers["Ting-Hash"] != tag:
                raise FileReplaced("the server has another file by now")
            return _body(response, end - start)

        headers = {"Range": f"bytes={start}-{end - 1}", "Accept": "*/*", "Accept-Encoding": "identity"}
        return self._exchange("GET", path, None, headers, block)

    def raw(
        self, method: str, target: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Status, headers and body of one request's answer, whatever it is."""

        def whole(response: http.client.HTTPResponse) -> tuple[int, http.client.HTTPMessage, bytes]:
            return response.status, response.headers, _body(response, ANSWER_BYTES)

        return self._exchange(method, target, body, headers, whole)

    # --- The connection ---------------------------------------------------------------------------

    def _exchange(
        self,
        method: str,
        target: str,
        body: bytes | None,
        headers: dict[str, str],
        take: Callable[[http.client.HTTPResponse], Read],
    ) -> Read:
        """Sends a request and takes its answer.

        Where the server closed the connection while it was idle, the request is sent again over a new one: by the
        protocol every request may be (spec/sync.md).
        """
        was_kept = self._connection is not None
        with self._closed_by_failure():
            try:
                response = self._send(method, target, body, headers)
            except _CLOSED_WHILE_IDLE:
                if not was_kept:
                    raise
                self.close()
                response = self._send(method, target, body, headers)
            return take(response)

    @contextmanager
    def _closed_by_failure(self) -> Iterator[None]:
        """No connection is kept on which something went wrong: it may hold the rest of an answer."""
        try:
            yield
        except BaseException as error:
            self.close()
            if isinstance(error, ssl.SSLCertVerificationError) and is_about_dates(error):
                raise wrong_date(self.host, self.port, self._ca_pem) from error
            if isinstance(error, http.client.HTTPException | zlib.error) and not isinstance(error, OSError):
                raise MalformedAnswer(f"what {self.host}:{self.port} answers is broken: {error!r}") from error
            raise

    def _send(
        self, method: str, target: str, body: bytes | None, headers: dict[str, str]
    ) -> http.client.HTTPResponse:
        """The head of the answer, its body still to be read."""
        packed = _packed(body) if "Content-Encoding" not in headers else None
        if packed:
            headers = {"Content-Encoding": "gzip"} | headers
        connection = self._opened()
        connection.request(method, target, packed or body, self._headers(body) | headers)
        return connection.getresponse()

    def _opened(self) -> http.client.HTTPSConnection:
        """The connection, with the time that the next request may take."""
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(
                self.host, self.port, context=self._context, timeout=SILENCE_SECONDS
            )
        if self._connection.sock is None:
            with told_of_tls(self.host, self.port):
                self._connection.connect()
        assert isinstance(self._connection.sock, TimedSocket)
        self._connection.sock.deadline = time.monotonic() + limits.REQUEST_SECONDS
        return self._connection

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


def _body(response: http.client.HTTPResponse, byte_limit: int) -> bytes:
    """The whole body, inflated; what is beyond the limit is neither read nor inflated."""
    is_packed = response.headers.get("Content-Encoding") == "gzip"
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16) if is_packed else None
    body, came = bytearray(), 0
    while chunk := response.read(_CHUNK_BYTES):
        came += len(chunk)
        body += inflater.decompress(chunk, byte_limit + 1 - len(body)) if inflater else chunk
        if max(came, len(body)) > byte_limit:
            raise AnswerTooLarge(f"the server's answer has more than {byte_limit} bytes")
    if response.length or inflater and came and not inflater.eof:
        raise MalformedAnswer("the server's answer ends early")
    return bytes(body)


def _problem(status: int, data: bytes) -> Problem:
    try:
        document: Any = json.loads(data)
    except (ValueError, RecursionError):
        document = None
    return Problem(status, document if isinstance(document, dict) else _foreign(status))


def _foreign(status: int) -> Json:
    """The problem of an answer that no Ting server gives."""
    leads_away = "; it leads to another address, which is not followed" if 300 <= status < 400 else ""
    return {
        "code": "foreign_answer",
        "title": "What answers is no Ting server",
        "detail": f"HTTP {status}{leads_away}",
        "remedy": "A network's sign-in page, or a proxy, may stand in between: open a page in a browser, then try again;"
        " if it stays so, ask the operator. Edits are kept.",
    }


def workspace_path(slug: str, rest: str = "") -> str:
    return f"/v1/workspaces/{quote(slug, safe='')}{rest}"
