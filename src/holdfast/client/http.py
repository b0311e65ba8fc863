"""Lease calls over HTTP: the way to a service, and nothing else. Never raises for what the outside does."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

import httpx
import msgspec

from holdfast.model.lease import Ask, Listing, Members, Result, TryLater
from holdfast.model.lease_batch import CALLS_MAX, PATH, Problem, Request, Response

_ENCODER: Final = msgspec.json.Encoder()
_RESPONSE: Final = msgspec.json.Decoder(Response)
_MEMBERS: Final[msgspec.json.Decoder[Members | TryLater]] = msgspec.json.Decoder(Members | TryLater)
_PROBLEM: Final = msgspec.json.Decoder(Problem)
KEPT_S: Final = 4.0
"""How long an idle connection is used again: less than the service keeps it (5 s), else a call meets its end."""
MARGIN_S: Final = 2.0
"""How much longer than the service we wait: its own answer says more than our giving up."""


class NotServed(Exception):
    """No answer to the calls. If they were sent they may have been done: establish and renew may be repeated."""


class Rejected(NotServed):
    """The service refuses all calls of ours: wrong key, wrong address. Trying again does not help by itself."""


class LeaseHttp:
    """A lease service by its address. Connections are kept; use as an asynchronous context."""

    def __init__(self, url: str, key: str, *, ca_file: str = "") -> None:
        """`url` as `http://127.0.0.1:9640`; `key` is the text of the service's key file.

        Raises:
            Rejected: the address is none, or the CA file holds no certificates.
        """
        verify = _trusted(ca_file) if ca_file else True
        self._client = httpx.AsyncClient(
            base_url=_address(url),
            headers={"Authorization": f"Bearer {key}"},
            verify=verify,
            trust_env=False,  # a lease must not hang on a proxy that happens to stand in the environment
            limits=httpx.Limits(max_connections=8, keepalive_expiry=KEPT_S),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def calls(self, asks: Sequence[Ask], *, timeout_s: float) -> list[Result]:
        """Results in the order of the calls, at most `CALLS_MAX` of them.

        Raises:
            NotServed: there is no answer; Rejected: there never will be one for us.
        """
        assert len(asks) <= CALLS_MAX, "a message holds so many calls"
        if len(asks) == 1 and isinstance(asks[0], Listing):
            return [await self.members(asks[0], timeout_s=timeout_s)]
        body = _ENCODER.encode(Request(tuple(asks), timeout_s))
        reply = await self.send("POST", PATH, timeout_s, content=body)
        try:
            results = _RESPONSE.decode(reply).results
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Rejected(f"this is no lease service: {error}") from error
        if len(results) != len(asks):
            raise Rejected(f"{len(results)} results to {len(asks)} calls: this is no lease service")
        return list(results)

    async def members(self, ask: Listing, *, timeout_s: float) -> Members | TryLater:
        """Who holds leases of a role, once it is another list than that of `ask.after`.

        Raises:
            NotServed, Rejected: as `calls`.
        """
        params = {"after": str(ask.after), "timeout_s": f"{timeout_s:g}"} | ({"left": "1"} if ask.left else {})
        reply = await self.send("GET", f"{PATH}/{ask.role}", timeout_s, params=params)
        try:
            return _MEMBERS.decode(reply)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Rejected(f"this is no lease service: {error}") from error

    async def send(
        self,
        method: str,
        path: str,
        timeout_s: float,
        *,
        content: bytes | None = None,
        params: dict[str, str] | None = None,
    ) -> bytes:
        """The body of a good answer.

        Raises:
            NotServed, Rejected: as `calls`.
        """
        try:
            reply = await self._client.request(
                method, path, content=content, params=params, timeout=timeout_s + MARGIN_S
            )
        except (httpx.HTTPError, OSError) as error:
            raise NotServed(f"{type(error).__name__}: {error}{_hint(error)}") from error
        if reply.status_code == 200:
            return reply.content
        try:
            why = _PROBLEM.decode(reply.content).error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            why = reply.reason_phrase
        kind = NotServed if reply.status_code >= 500 else Rejected
        raise kind(f"status {reply.status_code}: {why}")


def _hint(error: Exception) -> str:
    """What is likely to be meant where the words of the library leave people alone."""
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "; a certificate that the system does not trust is named as ca_file (--ca-file)"
    if "WRONG_VERSION_NUMBER" in str(error):
        return "; nothing speaks TLS there: http:// instead of https://?"
    return "; https:// instead of http://?" if isinstance(error, httpx.RemoteProtocolError) else ""


def _address(url: str) -> httpx.URL:
    try:
        found = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise Rejected(f"`{url}` is no address: {error}; write http://host:port or https://host:port") from error
    if found.scheme not in ("http", "https") or not found.host or not 0 < (found.port or 80) < 65536:
        raise Rejected(f"`{url}` is no address of HTTP; write http://host:port or https://host:port")
    return found


def _trusted(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError as error:
        raise Rejected(f"the CA file {ca_file} holds no certificate in PEM: {error.reason or error}") from error
    except OSError as error:
        raise Rejected(f"the CA file {ca_file} can't be read: {error.strerror}") from error
