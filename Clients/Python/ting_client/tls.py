# SPDX-License-Identifier: Apache-2.0
"""TLS: who answers at an address, at which date, and how long a request may take (spec/transport.md#joining)."""

from __future__ import annotations

import datetime
import email.utils
import http.client
import math
import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from .canonical import sha256
from .errors import Failure

SILENCE_SECONDS = 60
_NOT_YET_VALID, _EXPIRED = 9, 10
"""X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL."""
_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, for which `ssl` has no name."""


class PinMismatch(Failure):
    """The server shows no certificate of the pinned CA."""

    remedy = "Another server, or somebody in between, may be answering: ask for a new join address."


class NotTrusted(Failure):
    """The certificate is not one that is trusted for this server; nothing was sent."""

    remedy = "Another server, or somebody in between, may be answering: ask the operator first. Edits are kept."


class NotSecure(Failure):
    """No TLS came about with who answers; nothing was sent."""

    remedy = "A network's sign-in page, or a proxy, may stand in between: open a page in a browser, then try again."


class WrongDate(Failure):
    """The server's certificate is not valid at this computer's date."""

    remedy = "Set this computer's clock; if that is right, ask the operator to renew the certificate. Edits are kept."


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
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    known = [pair for pair in pairs if pair[0] in ("code", "pin", "trust")]
    query = dict(known)
    if len(query) < len(known):
        raise ValueError("the join address says a thing twice")
    if parts.scheme != "ting" or parts.path != "/join" or not parts.hostname or not parts.port:
        raise ValueError("a join address looks like ting://HOST:PORT/join?code=CODE&pin=HEX")
    if not re.fullmatch("[a-z2-7]{26}", query.get("code", "")):
        raise ValueError("the join address has no code of 26 characters")
    pin, trust = query.get("pin"), query.get("trust")
    is_pinned = trust is None and pin is not None and re.fullmatch("[0-9a-f]{64}", pin)
    if not is_pinned and (pin, trust) != (None, "system"):
        raise ValueError("the join address has neither a pin nor trust=system")
    return JoinAddress(parts.hostname, parts.port, query["code"], pin)


# --- Trust ----------------------------------------------------------------------------------------


def shown_chain(host: str, port: int) -> list[bytes]:
    """The DER certificates that a server shows, unverified: to look for the pinned CA among them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        told_of_tls(host, port),
        socket.create_connection((host, port), SILENCE_SECONDS) as plain,
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
    context.sslsocket_class = TimedSocket
    return context


@contextmanager
def told_of_tls(host: str, port: int) -> Iterator[None]:
    """Says in a sentence why nobody there can be trusted; a certificate whose dates fail is left to `wrong_date`."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        if is_about_dates(error):
            raise
        told = f"the certificate of {host}:{port} is not one that is trusted for it: {error.verify_message}"
        raise NotTrusted(told) from error
    except ssl.SSLError as error:
        raise NotSecure(f"no TLS connection to {host}:{port} came about: {error.reason or error}") from error


class TimedSocket(ssl.SSLSocket):
    """A connection whose request ends by its deadline, however slowly bytes come."""

    deadline = math.inf

    def send(self, data: Any, flags: int = 0) -> int:
        self._hurry()
        return super().send(data, flags)

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        self._hurry()
        return super().recv_into(buffer, nbytes, flags)

    def _hurry(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the server took too long over its answer")
        self.settimeout(min(SILENCE_SECONDS, left))


# --- Dates ----------------------------------------------------------------------------------------


def is_about_dates(error: ssl.SSLCertVerificationError) -> bool:
    return error.verify_code in (_NOT_YET_VALID, _EXPIRED)


def wrong_date(host: str, port: int, ca_pem: str | None) -> WrongDate:
    """What to say of a certificate whose dates alone failed, with the server's clock beside this one's."""
    here = datetime.datetime.now(datetime.UTC)
    told = f"the certificate of {host}:{port} is not valid at this computer's date, {_shown(here)}"
    there = _clock_of(host, port, ca_pem)
    return WrongDate(f"{told}; the server's clock says {_shown(there)}" if there else told)


def _clock_of(host: str, port: int, ca_pem: str | None) -> datetime.datetime | None:
    """The `Date` of who holds the trusted CA, whatever the dates of its certificate; it gets no token."""
    context = tls_context(ca_pem)
    context.verify_flags |= _NO_CHECK_TIME
    connection = http.client.HTTPSConnection(host, port, context=context, timeout=SILENCE_SECONDS)
    try:
        connection.request("GET", "/healthz")
        return email.utils.parsedate_to_datetime(connection.getresponse().headers["Date"])
    except (OSError, http.client.HTTPException, TypeError, ValueError):
        return None
    finally:
        connection.close()


def _shown(moment: datetime.datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
