"""XML of Route 53's API, from and to values, by botocore's own service model: what a server of it must do.

Strict in both directions: unknown elements, elements out of the model's order, missing members, words outside an
enumeration, lengths, ranges and patterns are refused, in requests and in our own answers alike; and each answer is
read again with botocore's parser and must say the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import botocore.parsers
import botocore.validate

from holdfast.runtime.route53.wire import service

NAMESPACE = "https://route53.amazonaws.com/doc/2013-04-01/"


class NotByTheModel(ValueError):
    """What the model does not allow."""


def read_body(operation: str, body: bytes) -> dict[str, Any]:
    """The parameters in a request's body."""
    shape = service().operation_model(operation).input_shape
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise NotByTheModel(f"no XML: {error}") from error
    wanted = f"{{{NAMESPACE}}}{shape.serialization.get('locationName', shape.name)}"
    if root.tag != wanted:
        raise NotByTheModel(f"root element {root.tag}, the model has {wanted}")
    members = {n: m for n, m in shape.members.items() if "location" not in m.serialization}
    return _structure(root, members)


def _structure(element: ElementTree.Element, members: dict[str, Any]) -> dict[str, Any]:
    by_tag = {m.serialization.get("name", n): n for n, m in members.items()}
    order = list(by_tag)
    found: dict[str, Any] = {}
    last = -1
    for child in element:
        tag = child.tag.removeprefix(f"{{{NAMESPACE}}}")
        if tag not in by_tag:
            raise NotByTheModel(f"unknown element {tag} in {element.tag}")
        # "The XML elements in your request must appear in the order listed in the syntax."
        if order.index(tag) <= last:
            raise NotByTheModel(f"element {tag} is out of order in {element.tag}")
        last = order.index(tag)
        found[by_tag[tag]] = _value(child, members[by_tag[tag]])
    return found


def _value(element: ElementTree.Element, shape: Any) -> Any:
    match shape.type_name:
        case "structure":
            return _structure(element, shape.members)
        case "list":
            wanted = shape.member.serialization.get("name", "member")
            tags = [child.tag.removeprefix(f"{{{NAMESPACE}}}") for child in element]
            if set(tags) - {wanted}:
                raise NotByTheModel(f"{element.tag} holds {tags}, the model has {wanted}")
            return [_value(child, shape.member) for child in element]
        case "integer" | "long":
            return int(element.text or "")
        case "boolean":
            return {"true": True, "false": False}[element.text or ""]
        case _:
            return element.text or ""


def write(operation: str, answer: dict[str, Any]) -> bytes:
    """An answer as XML, checked, and read back."""
    shape = service().operation_model(operation).output_shape
    check(answer, shape, operation)
    inner = "".join(_element(n, m, answer[n]) for n, m in shape.members.items() if n in answer)
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<{shape.name} xmlns="{NAMESPACE}">{inner}</{shape.name}>'
    parser = botocore.parsers.create_parser("rest-xml")
    read = parser.parse({"status_code": 200, "headers": {}, "body": body.encode()}, shape)
    read.pop("ResponseMetadata")
    if {**read, "ChangeInfo": ""} != {**answer, "ChangeInfo": ""}:
        raise NotByTheModel(f"{operation}: {answer} reads back as {read}")
    return body.encode()


def _element(name: str, shape: Any, value: Any) -> str:
    tag = shape.serialization.get("name", name)
    match shape.type_name:
        case "structure":
            inner = "".join(_element(n, m, value[n]) for n, m in shape.members.items() if n in value)
        case "list":
            inner = "".join(_element("member", shape.member, item) for item in value)
        case "boolean":
            inner = str(value).lower()
        case _:
            inner = escape(str(value))
    return f"<{tag}>{inner}</{tag}>"


def check(value: dict[str, Any], shape: Any, where: str) -> None:
    """All that the model says of a value; botocore's validator looks at members and types only."""
    report = botocore.validate.ParamValidator().validate(value, shape)
    if report.has_errors():
        raise NotByTheModel(f"{where}: {report.generate_report()}")
    for problem in _problems(value, shape, where):
        raise NotByTheModel(problem)


def _problems(value: Any, shape: Any, where: str) -> Iterator[str]:
    match shape.type_name:
        case "structure":
            for name, member in shape.members.items():
                if name in value:
                    yield from _problems(value[name], member, f"{where}.{name}")
        case "list":
            yield from _outside(len(value), shape, where)
            for item in value:
                yield from _problems(item, shape.member, f"{where}[]")
        case "string":
            yield from _outside(len(value), shape, where)
            enum, pattern = shape.metadata.get("enum"), shape.metadata.get("pattern")
            if enum and value not in enum:
                yield f"{where}: {value!r} is none of {', '.join(enum)}"
            if pattern and not re.fullmatch(_python(pattern), value):
                yield f"{where}: {value!r} does not match {pattern}"
        case "integer" | "long":
            yield from _outside(value, shape, where)


def _python(pattern: str) -> str:
    """The model's patterns are Java's."""
    return pattern.replace(r"\p{ASCII}", r"[\x00-\x7f]").replace(r"\p{L}", r"[^\W\d_]")


def _outside(number: int, shape: Any, where: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if (least is not None and number < least) or (most is not None and number > most):
        yield f"{where}: {number} is outside {least}..{most}"


def error(code: str, messages: tuple[str, ...]) -> bytes:
    """An error answer in the form that the API's clients show: `[one, another]` for a refused batch."""
    text = f"[{', '.join(messages)}]" if code == "InvalidChangeBatch" else "; ".join(messages)
    inner = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(text)}</Message></Error>"
    inner += "<RequestId>fake</RequestId>"
    return f'<?xml version="1.0"?>\n<ErrorResponse xmlns="{NAMESPACE}">{inner}</ErrorResponse>'.encode()


def batch_error_of_its_own(messages: tuple[str, ...]) -> bytes:
    """The form in which the API reference shows InvalidChangeBatch: a root element of its own."""
    inner = "".join(f"<Message>{escape(m)}</Message>" for m in messages)
    body = f'<?xml version="1.0"?>\n<InvalidChangeBatch xmlns="{NAMESPACE}"><Messages>{inner}</Messages>'
    return f"{body}<RequestId>fake</RequestId></InvalidChangeBatch>".encode()
