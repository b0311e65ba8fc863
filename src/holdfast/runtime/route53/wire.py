"""Requests and answers of Route 53's API as bytes, by botocore's own service model: nothing of it is spelled here.

botocore checks a request's parameters against the model, writes it, signs it (SigV4, now: a batch that was held
back goes out freshly signed, so the fence refuses it and not its age) and reads the answer. What it does not do
here is send: its HTTP client would block the event loop.
"""

from __future__ import annotations

import functools
import html
import re
from typing import Any, Final

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.serialize
import botocore.validate
import msgspec

from holdfast.runtime.route53.credentials import Credentials

ENDPOINT: Final = "https://route53.amazonaws.com"
REGION: Final = "us-east-1"
"""The one that signatures for this global service name."""
ERRORS_FROM: Final = 300
_MESSAGE: Final = re.compile(rb"<Message>(.*?)</Message>", re.DOTALL)


class Request(msgspec.Struct, frozen=True):
    """A signed request, to be sent as it is."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes


class Fault(msgspec.Struct, frozen=True):
    """An error answer. `messages` are its single complaints, for a batch that is refused."""

    status: int
    code: str
    messages: tuple[str, ...]

    @property
    def text(self) -> str:
        """For people."""
        return "; ".join(self.messages[:3]) or f"HTTP status {self.status}"


@functools.cache
def service() -> Any:
    """The service model: 0.1 s to load, once."""
    return botocore.model.ServiceModel(
        botocore.loaders.Loader().load_service_model("route53", "service-2"), "route53"
    )


@functools.cache
def _serializer() -> Any:
    return botocore.serialize.create_serializer("rest-xml", include_validation=False)


@functools.cache
def _parser() -> Any:
    return botocore.parsers.create_parser("rest-xml")


def request(operation: str, parameters: dict[str, Any], credentials: Credentials, endpoint: str = "") -> Request:
    """A signed request.

    Raises:
        ValueError: the parameters are not what the model allows; a fault of ours.
    """
    model = service().operation_model(operation)
    report = botocore.validate.ParamValidator().validate(parameters, model.input_shape)
    if report.has_errors():
        raise ValueError(f"{operation}: {report.generate_report()}")
    written = _serializer().serialize_to_request(parameters, model)
    prepared = botocore.awsrequest.AWSRequest(
        method=written["method"],
        url=(endpoint or ENDPOINT) + written["url_path"],
        params=written["query_string"],
        data=written["body"],
        headers=written["headers"],
    )
    keys = botocore.credentials.Credentials(credentials.key_id, credentials.secret, credentials.token or None)
    botocore.auth.SigV4Auth(keys, "route53", REGION).add_auth(prepared)
    ready = prepared.prepare()
    headers = {str(name): _text(value) for name, value in ready.headers.items()}
    return Request(written["method"], ready.url, headers, written["body"])


def answer(operation: str, status: int, headers: dict[str, str], body: bytes) -> dict[str, Any] | Fault:
    """An answer by the model, or the error that it is.

    Raises:
        ValueError: it is neither.
    """
    model = service().operation_model(operation)
    try:
        parsed: dict[str, Any] = _parser().parse(
            {"status_code": status, "headers": headers, "body": body}, model.output_shape
        )
    except botocore.parsers.ResponseParserError as error:
        raise ValueError(f"{operation} is answered with what the model does not know ({status})") from error
    if status < ERRORS_FROM:
        return parsed
    return _fault(status, parsed, body)


def _fault(status: int, parsed: dict[str, Any], body: bytes) -> Fault:
    error = parsed.get("Error", {})
    code, said = str(error.get("Code") or ""), str(error.get("Message") or "")
    # The API reference shows this one error with a root element of its own; botocore reads no code in that form.
    if not code and b"<InvalidChangeBatch" in body:
        code = "InvalidChangeBatch"
    if code == "InvalidChangeBatch" and not said:
        found = tuple(html.unescape(m.decode("utf-8", "replace")).strip() for m in _MESSAGE.findall(body))
        return Fault(status, code, found)
    if code == "InvalidChangeBatch":
        said = said.removeprefix("[").removesuffix("]")
    return Fault(status, code or str(status), (said,) if said else ())


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
