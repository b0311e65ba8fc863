"""Every parser of what comes from outside, with good inputs to begin from and the errors that it may refuse by."""

from __future__ import annotations

import atexit
import base64
import contextlib
import functools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import dns.message
import dns.rdatatype
import dns.tsig
import dns.update
import msgspec

from fuzz.mutating import Target
from holdfast.access.tokens import BadTokens, parse_tokens
from holdfast.config.loading import read_text
from holdfast.depmap.sources import opening
from holdfast.depmap.sources.faults import Unreadable as UnreadableSource
from holdfast.documents.reading import interpret
from holdfast.enactor.distrust import refuse_plan
from holdfast.enactor.memory import Memory
from holdfast.events.record import parse_line
from holdfast.externaldns import contract
from holdfast.lab.tape import NotATapeError, decode_tape
from holdfast.model.codec import Unreadable, decode, encode, seal, section_ref
from holdfast.model.configuration import StoredConfiguration
from holdfast.model.directives import Directives
from holdfast.model.fence import Fence, parse_fence
from holdfast.model.freeze import Freeze
from holdfast.model.identity import Identity
from holdfast.model.observation import Observations
from holdfast.model.plan import Inputs, Plan, PlanHead, Section, Signature
from holdfast.model.records import NameRecords, RRset, Weighted
from holdfast.model.report import EnactorReport
from holdfast.nameserver.answering import Answerer, TakeUpdate
from holdfast.nameserver.parsing import Malformed, parse_update, read_header
from holdfast.nameserver.signing import append_signature
from holdfast.nameserver.updating import apply
from holdfast.nameserver.wire import BadText
from holdfast.nameserver.zone import Zone
from holdfast.ports.store import Entry
from holdfast.runtime.packets import TransferReader, answer_of, read_packet
from holdfast.runtime.route53 import wire as route53
from holdfast.runtime.signing import Believer
from holdfast.service.agent.file import load_agent
from holdfast.service.leases import http

ROOT: Final = Path(__file__).parents[2]
ZONE: Final = "example.test"
KEY: Final = dns.tsig.Key("holdfast", base64.b64encode(b"k" * 32).decode(), "hmac-sha256")
NOW_S: Final = 1_790_000_000


def _zone() -> Zone:
    soa = f"ns1.{ZONE} hostmaster.{ZONE} 10 3600 600 1209600 5"
    return Zone.of(
        ZONE,
        (
            RRset(ZONE, "SOA", 30, (soa,)),
            RRset(ZONE, "NS", 30, (f"ns1.{ZONE}",)),
            RRset(f"ns1.{ZONE}", "A", 30, ("192.0.2.53",)),
            RRset(f"www.{ZONE}", "A", 30, ("192.0.2.1", "192.0.2.2")),
            RRset(f"*.w.{ZONE}", "TXT", 30, ('"w"',)),
        ),
    )


def _answerer() -> Answerer:
    return Answerer(
        {ZONE: _zone()},
        keys={"holdfast": KEY},
        grants={ZONE: frozenset({"holdfast"})},
        report=lambda kind, text: None,
        now_s=lambda: NOW_S,
    )


def _serve(data: bytes) -> object:
    """As it comes, and signed: what is behind the signature is foreign too, if the key is in wrong hands."""
    answerer, found = _answerer(), []
    counted = data[10:12]
    signed = [append_signature(data, KEY, now_s=NOW_S)[0]] if len(counted) == 2 and counted != b"\xff\xff" else []
    for wire in (data, *signed):
        for stream in (False, True):
            action = answerer.take(wire, stream=stream)
            if isinstance(action, TakeUpdate):
                _, rcode = apply(_zone(), action.update)
                action = answerer.update_answer(action, rcode)
            if isinstance(action, bytes):
                found.append(read_header(action).flags & 0xF)
    return tuple(found)


def _questions() -> tuple[bytes, ...]:
    asked: list[dns.message.Message] = [
        dns.message.make_query(f"{n}.{ZONE}", t, use_edns=e)
        for n, t, e in (("www", "A", True), ("x", "ANY", False))
    ]
    asked.append(dns.message.make_query(ZONE, "AXFR"))
    for prerequisite in (False, True):
        update = dns.update.UpdateMessage(ZONE)
        if prerequisite:
            update.present(f"_holdfast-s.{ZONE}", "TXT", '"hf1"')
            update.absent(f"www.{ZONE}", "CNAME")
            update.delete(f"www.{ZONE}", "A", "192.0.2.1")
        update.replace(f"www.{ZONE}", 30, "A", "192.0.2.9")
        update.add(f"t.{ZONE}", 30, "TXT", '"a" "b"')
        update.add(f"m.{ZONE}", 30, "MX", f"10 www.{ZONE}.")
        asked.append(update)
    return tuple(message.to_wire() for message in asked)


def _read_answer(data: bytes) -> object:
    packet = read_packet(data)
    reader = TransferReader(ZONE)
    with contextlib.suppress(Malformed, BadText):
        reader.feed(packet)
        if reader.complete:
            reader.content()
    return [answer_of(packet, name, rtype) for name, rtype in ((f"www.{ZONE}", "A"), (ZONE, "SOA"), (ZONE, "TXT"))]


def _answers() -> tuple[bytes, ...]:
    answerer = _answerer()
    found = [answerer.take(wire, stream=True) for wire in _questions()]
    texts = dns.message.make_response(dns.message.make_query(ZONE, "AXFR"))
    soa = f"{ZONE}. 30 IN SOA ns1.{ZONE}. h.{ZONE}. 1 2 3 4 5"
    message = dns.message.from_text(
        f"id 1\nopcode QUERY\nrcode NOERROR\nflags QR AA\n;QUESTION\n{ZONE}. IN AXFR\n;ANSWER\n{soa}\n"
        f'{ZONE}. 30 IN TXT "a" "b"\nwww.{ZONE}. 30 IN CNAME x.\n{ZONE}. 30 IN CAA 0 issue "ca"\n{soa}\n'
    )
    return (*(wire for wire in found if isinstance(wire, bytes)), texts.to_wire(), message.to_wire())


def _plan() -> Plan:
    names = (
        NameRecords(f"www.{ZONE}", ZONE, 30, (Weighted("192.0.2.1", 100),), (Weighted("2001:db8::1", 1),), "g"),
    )
    section = Section(names)
    head = PlanHead("s", 1, 2, None, (ZONE,), Inputs(1, 1, ()), (section_ref(section),))
    signed = msgspec.structs.replace(head, signature=Signature("0" * 16, b"s" * 64))
    return seal(signed, (section,))


def _believer() -> Believer:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Believer([Ed25519PrivateKey.from_private_bytes(b"k" * 32).public_key()])


BELIEVER: Final = _believer()


def _read_plan(data: bytes) -> object:
    plan = decode(data, Plan)
    return refuse_plan(plan, "s", None, None), BELIEVER.refusal(plan.head)


_DOCUMENTS: Final = (
    PlanHead, Section, Identity, int, StoredConfiguration, Directives, Freeze, Observations, EnactorReport, Memory,
)  # fmt: skip


def _read_documents(data: bytes) -> object:
    return [type(interpret(Entry("k", data, 1), kind)).__name__ for kind in _DOCUMENTS]


def _read_fence(data: bytes) -> object:
    text = data.decode("latin-1")
    return parse_fence(text), parse_fence(_with_checksum(text)) if text.isascii() else None


def _with_checksum(text: str) -> str:
    from holdfast.model.fence import _checksum

    body = text.rpartition(" ")[0]
    return f"{body} sum={_checksum(body)}"


def _as_text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: type(read(data.decode("utf-8", "replace"))).__name__


def _agent(data: bytes) -> object:
    path = _scratch() / "agent.toml"
    path.write_bytes(data)
    return type(load_agent(str(path))).__name__


def _source(name: str) -> Callable[[bytes], object]:
    def run(data: bytes) -> object:
        path = _scratch() / name
        path.write_bytes(data)
        return len(opening.read(str(path)).needs)

    return run


@functools.cache
def _scratch() -> Path:
    """One directory for the process; in memory where the machine has such a place."""
    memory = Path("/dev/shm")
    found = Path(tempfile.mkdtemp(prefix="hf-fuzz-", dir=memory if memory.is_dir() else None))
    atexit.register(shutil.rmtree, found, ignore_errors=True)
    return found


_XML: Final = (
    b'<?xml version="1.0"?><ListResourceRecordSetsResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/">'
    b"<ResourceRecordSets><ResourceRecordSet><Name>a.example.test.</Name><Type>A</Type><TTL>30</TTL><ResourceRecords>"
    b"<ResourceRecord><Value>192.0.2.1</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>"
    b"</ResourceRecordSets><IsTruncated>false</IsTruncated><MaxItems>300</MaxItems></ListResourceRecordSetsResponse>",
    b'<?xml version="1.0"?><InvalidChangeBatch xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Messages>'
    b"<Message>no</Message></Messages></InvalidChangeBatch>",
    b"<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>slow</Message></Error></ErrorResponse>",
)


def _route53(data: bytes) -> object:
    return [type(route53.answer("ListResourceRecordSets", status, {}, data)).__name__ for status in (200, 400)]


SOURCES: Final[dict[str, bytes]] = {
    "own.toml": b'[[service]]\nname = "web"\nregion = "r"\n'
    b'[[dependency]]\nfrom = "web"\nto = "db"\nstrength = "soft"\n',
    "f.csv": b"from;to;strength;group;at_least\nweb;db-a;;db;1\nweb;db-b;hard;db;1\n",
    "c.yml": b"services:\n  web:\n    depends_on: [db]\n    environment: {DB: 'http://db:1'}\n  db: {image: x}\n",
    "catalog-info.yml": b"apiVersion: backstage.io/v1alpha1\nkind: Component\n"
    b"metadata: {name: web}\nspec: {dependsOn: ['resource:db']}\n",
    "g.dot": b"digraph { web -> db; web -> cache [style=dashed]; subgraph c { x -> y } a -> {b c} }",
    "j.json": b'{"data":[{"traceID":"1","spans":[{"traceID":"1","spanID":"2","processID":"p1","operationName":"o",'
    b'"references":[{"refType":"CHILD_OF","traceID":"1","spanID":"1"}],"startTime":1,"duration":2,"tags":[]}],'
    b'"processes":{"p1":{"serviceName":"a"}}}]}',
    "d.json": b'{"data":[{"parent":"a","child":"b","callCount":3}]}',
    "o.json": b'{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"a"}}]},'
    b'"scopeSpans":[{"spans":[{"traceId":"1","spanId":"2","parentSpanId":"1","startTimeUnixNano":"1",'
    b'"endTimeUnixNano":"2","kind":2,"attributes":[],"status":{"code":2}}]}]}]}',
    "s.txt": b'traces_service_graph_request_total{client="a",server="b"} 3\n'
    b'traces_service_graph_request_failed_total{client="a",server="b"} 1\n',
}


def targets() -> Iterator[Target]:
    """All of them."""
    yield Target("messages to the name server", _serve, _questions())
    yield Target("updates", parse_update, _questions())
    yield Target("answers of DNS servers", _read_answer, _answers(), (Malformed, BadText))
    yield Target(
        "lease calls", http._request,
        (b'{"calls":[{"call":"establish","role":"api","name":"h","holder":"x","place":{"port":1,"a":"192.0.2.1"}},'
         b'{"call":"renew","role":"a","name":"b","holder":"c","token":1},{"call":"list","role":"api"}],"timeout_s":1}',),
        (http._Refused,),
    )  # fmt: skip
    yield Target(
        "configuration calls", http._delivery,
        (b'{"ask":{"call":"publish","selector":"role/lb","name":"f","content":"eA==","mode":420}}',
         b'{"ask":{"call":"poll","host":{"name":"h","role":"lb"},"applied":1,"why":""},"timeout_s":1}'),
        (http._Refused,),
    )  # fmt: skip
    endpoint = b'{"dnsName":"a.example.test","targets":["192.0.2.1"],"recordType":"A","labels":{"owner":"o"}}'
    yield Target(
        "webhook endpoints", contract.read_endpoints, (b"[%s]" % endpoint, b"null"), (contract.Malformed,)
    )
    yield Target(
        "webhook changes", contract.read_changes,
        (b'{"Create":[%s],"UpdateOld":[],"UpdateNew":null,"Delete":[%s]}' % (endpoint, endpoint),),
        (contract.Malformed,),
    )  # fmt: skip
    examples = [
        (ROOT / "examples" / name).read_bytes() for name in ("quickstart.toml", "bind.toml", "leases/up.toml")
    ]
    yield Target("configuration files", _as_text(lambda text: read_text(text, "f.toml")), tuple(examples))
    yield Target("agent files", _agent, ((ROOT / "examples/leases/agent.toml").read_bytes(),))
    yield Target("plans", _read_plan, (encode(_plan()),), (Unreadable,))
    plan = _plan()
    yield Target(
        "documents of the store", _read_documents,
        (encode(plan.head), encode(plan.sections[0]), encode(plan.identity), b"1", encode(Directives()),
         b'{"id":"frz111","selector":{},"reason":"r","by":"me"}'),
    )  # fmt: skip
    fence = Fence(Identity(1, 2, "a" * 32), freezes=("frz111", "frz222"), sequence=3, writer="enactor-a")
    yield Target("fences", _read_fence, (str(fence).encode(), fence.text().encode()))
    yield Target(
        "events",
        parse_line,
        (
            b'{"at":"2026-11-25T12:00:00.000Z","process":"p","sequence":1,"kind":"k","actor":"a","text":"t","plan":null,"zone":"","name":"","data":{},"format":1}',
        ),
    )
    yield Target(
        "tapes",
        decode_tape,
        tuple(p.read_bytes()[:20000] for p in sorted((ROOT / "tests/lab/tapes").glob("*"))[:2]),
        (NotATapeError,),
    )
    yield Target(
        "tokens",
        lambda data: len(parse_tokens(data.decode("utf-8", "replace"))),
        (b"a lease:api/h,read " + b"0" * 64 + b"\n# c\n",),
        (BadTokens,),
    )
    yield Target("answers of Route 53", _route53, _XML, (ValueError,))
    for name, seed in SOURCES.items():
        yield Target(f"map source {name}", _source(name), (seed,), (UnreadableSource,))
