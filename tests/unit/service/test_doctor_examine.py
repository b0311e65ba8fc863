"""`doctor` on real sockets: scripted servers for what goes wrong, BIND and the embedded one for what is right."""

from __future__ import annotations

import asyncio
import json

import pytest
from doctor_servers import Script, serving

from holdfast.model.fence import Fence, fence_owner
from holdfast.model.identity import Identity
from holdfast.service.doctor import examine
from holdfast.service.doctor_report import CannotExamine, DoctorReport, Grade, json_of, text_of
from servers.bind import start_bind
from servers.embedded import start_embedded
from servers.process import ZoneSpec

ZONE = "shop.test"
NAME = f"www.{ZONE}"


def _zone(*records: str, serial: int = 7, minimum: int = 5, servers: int = 2, soa_ttl: int = 60) -> str:
    lines = [f"{ZONE}. {soa_ttl} IN SOA ns1.{ZONE}. h.{ZONE}. {serial} 3600 600 86400 {minimum}"]
    for i in range(servers):
        lines += [f"{ZONE}. 60 IN NS ns{i + 1}.{ZONE}.", f"ns{i + 1}.{ZONE}. 60 IN A 127.0.0.{i + 1}"]
    return "\n".join((*lines, *records)) + "\n"


GOOD = (f"{NAME}. 30 IN A 192.0.2.1", f"{NAME}. 30 IN AAAA 2001:db8::1")


PATIENT_S = 20.0
"""Where every server answers, nobody waits for this: a machine that stands still for a second is no finding."""
SILENCE_S = 3.0
"""Where one says nothing, its silence is waited for, and the others must have answered by then."""


def _run(
    *scripts: Script, name: str = NAME, scopes: tuple[str, ...] = (), timeout_s: float = PATIENT_S
) -> DoctorReport:
    async def examined() -> DoctorReport | CannotExamine:
        async with serving([(f"127.0.0.{i + 1}", s) for i, s in enumerate(scripts)]) as port:
            return await examine(name, server=f"127.0.0.1:{port}", timeout_s=timeout_s, scopes=scopes)

    report = asyncio.run(examined())
    assert isinstance(report, DoctorReport), report
    return report


def _script(*records: str, udp: bool = True, tcp: bool = True, serial: int = 7, minimum: int = 5) -> Script:
    return Script(_zone(*records, serial=serial, minimum=minimum), origin=ZONE, udp=udp, tcp=tcp)


def _topics(report: DoctorReport, grade: Grade | None = None) -> set[str]:
    return {f.topic for f in report.findings if grade in (None, f.grade)}


def test_a_good_name_has_no_findings() -> None:
    """Two servers that agree, short TTLs: nothing to say, and the seconds of a failure are right."""
    report = _run(_script(*GOOD), _script(*GOOD))
    assert report.findings == ()
    assert report.exit_code == 0
    assert (report.failure.stale_s, report.failure.emptiness_s) == (30, 5)
    assert report.evidence.zone == ZONE
    text = text_of(report)
    assert "A     192.0.2.1  TTL 30 s" in text
    assert "remembered by clients for up to 5 s" in text


def test_servers_that_disagree_are_named_with_what_they_say() -> None:
    """Different answers and serials are told, server by server."""
    other = (f"{NAME}. 30 IN A 192.0.2.66", GOOD[1])
    report = _run(_script(*GOOD), _script(*other, serial=6))
    assert _topics(report, Grade.ERROR) == {"answers"}
    (finding,) = [f for f in report.findings if f.topic == "answers"]
    assert "192.0.2.66 from 127.0.0.2:" in finding.text
    assert "192.0.2.1 from 127.0.0.1:" in finding.text
    assert "serial" in _topics(report, Grade.WARNING)
    assert report.exit_code == 1


def test_lame_and_silent_servers() -> None:
    """A server that refuses the zone is lame; one that says nothing is unreachable; neither hides the rest."""
    report = _run(_script(*GOOD), Script(None, origin=ZONE))
    assert _topics(report, Grade.ERROR) == {"lame"}
    report = _run(_script(*GOOD), _script(*GOOD, udp=False, tcp=False), timeout_s=SILENCE_S)
    assert _topics(report, Grade.ERROR) == {"unreachable"}
    assert "does not answer" in report.findings[0].text


@pytest.mark.parametrize(("udp", "tcp", "topic"), [(True, False, "tcp"), (False, True, "udp")])
def test_one_transport_only(udp: bool, tcp: bool, topic: str) -> None:
    """A server that answers by one transport only is an error with its reason."""
    report = _run(_script(*GOOD), _script(*GOOD, udp=udp, tcp=tcp), timeout_s=SILENCE_S if tcp else PATIENT_S)
    assert _topics(report, Grade.ERROR) == {topic}


def test_empty_name_says_how_long_it_is_remembered() -> None:
    """No address in either family is the October failure: told with the seconds that caches remember it."""
    report = _run(*[_script(f'{NAME}. 30 IN TXT "x"', minimum=900)] * 2)
    assert _topics(report, Grade.ERROR) == {"empty"}
    assert "remember it for up to 60 s" in report.findings[0].advice
    assert report.failure.emptiness_s == 60
    missing = _run(*[_script()] * 2)
    assert missing.findings[0].text == "the name does not exist"


def test_long_negative_ttl_is_the_smaller_of_ttl_and_minimum() -> None:
    """RFC 2308: a minimum of 900 s counts when the SOA's own TTL is longer."""
    script = Script(_zone(*GOOD, minimum=900, soa_ttl=3600), origin=ZONE)
    report = _run(script, script)
    assert report.failure.emptiness_s == 900
    assert _topics(report, Grade.WARNING) == {"negative-ttl"}


def test_alias_chain_wildcard_and_fence_are_seen() -> None:
    """What lies around the name: aliases to their end, a wildcard beside it, and who holds the fence."""
    fence = Fence(identity=Identity(2, 41, "ab" * 16), freezes=("f1x2",), writer="enactor-b")
    records = (
        *(f"{a}.{ZONE}. 20 IN CNAME {b}.{ZONE}." for a, b in (("www", "one"), ("one", "two"))),
        f"two.{ZONE}. 30 IN A 192.0.2.1",
        f"*.{ZONE}. 60 IN A 192.0.2.99",
        f"{fence_owner('shop', ZONE)}. 5 IN TXT {fence.rdata()}",
    )
    report = _run(*[_script(*records)] * 2)
    assert [(hop.owner, hop.target) for hop in report.evidence.hops] == [
        (NAME, f"one.{ZONE}"),
        (f"one.{ZONE}", f"two.{ZONE}"),
    ]
    assert (report.evidence.hops_end, report.evidence.end, report.evidence.end_ttl) == ("", ("192.0.2.1",), 30)
    assert report.failure.stale_s == 30
    assert report.evidence.wildcard == ("192.0.2.99",)
    (seen,) = report.evidence.fences
    assert (seen.scope, seen.generation, seen.writer, seen.freezes) == ("shop", 41, "enactor-b", "f1x2")
    assert "fence of scope shop: plan 2.41-abababab, written by enactor-b, frozen by f1x2" in text_of(report)
    assert {"alias", "wildcard", "fence"} <= _topics(report)


@pytest.mark.parametrize(
    ("records", "end"),
    [
        ((f"{NAME}. 5 IN CNAME gone.{ZONE}.",), f"ends at gone.{ZONE}, which does not exist"),
        ((f"{NAME}. 5 IN CNAME b.{ZONE}.", f"b.{ZONE}. 5 IN CNAME {NAME}."), f"leads back to {NAME}"),
    ],
    ids=["dangling", "loop"],
)
def test_aliases_that_lead_nowhere(records: tuple[str, ...], end: str) -> None:
    """An alias without an end is an error."""
    report = _run(*[_script(*records)] * 2)
    assert end in report.evidence.hops_end
    assert "alias" in _topics(report, Grade.ERROR)


def test_wildcard_text_is_no_fence() -> None:
    """A wildcard TXT answers at every fence's owner; that is not reported as a broken fence of each scope."""
    report = _run(*[_script(*GOOD, f'*.{ZONE}. 60 IN TXT "v=spf1 -all"')] * 2)
    assert report.evidence.fences == ()


def test_garbled_fence_is_told() -> None:
    """TXT at one fence's owner that is no fence is a warning."""
    report = _run(
        *[_script(*GOOD, f'{fence_owner("mine", ZONE)}. 60 IN TXT "hf1 nonsense"')] * 2, scopes=("mine",)
    )
    assert _topics(report, Grade.WARNING) == {"fence"}


def test_truncated_answers_do_not_disagree() -> None:
    """An answer too large for UDP is told once, and is no disagreement with the full one."""
    many = tuple(f"{NAME}. 30 IN A 192.0.2.{i}" for i in range(1, 120))
    report = _run(*[_script(*many)] * 2)
    assert _topics(report, Grade.WARNING) == {"truncation"}
    assert _topics(report, Grade.ERROR) == set()
    assert len(report.evidence.addresses("A")) == 119


def test_one_address_for_all_name_servers() -> None:
    """A single server is a warning."""
    report = _run(Script(_zone(*GOOD, servers=1), origin=ZONE))
    assert _topics(report, Grade.WARNING) == {"single-server"}


def test_name_server_without_address() -> None:
    """An NS that leads nowhere is lame."""
    report = _run(*[_script(*GOOD, f"{ZONE}. 60 IN NS ghost.{ZONE}.")] * 2)
    assert report.evidence.without_address == (f"ghost.{ZONE}",)
    assert _topics(report, Grade.ERROR) == {"lame"}


def test_json_is_the_same_report() -> None:
    """Programs get evidence, findings and seconds."""
    report = _run(_script(*GOOD), _script(*GOOD))
    data = json.loads(json_of(report))
    assert data["evidence"]["name"] == NAME
    assert data["failure"] == {"stale_s": 30, "emptiness_s": 5}


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        ({"name": "not a name"}, "no DNS name", 64),
        ({"name": "a..b"}, "no DNS name", 64),
        ({"server": "somewhere"}, "no address and port", 64),
        ({"server": "127.0.0.1:99999"}, "no address and port", 64),
        ({"server": "127.0.0.1", "resolver": "127.0.0.1"}, "keep one", 64),
    ],
)
def test_bad_input_is_words_and_64(arguments: dict[str, str], said: str, code: int) -> None:
    """Wrong command lines are said before anything is asked."""
    result = asyncio.run(examine(**{"name": NAME, **arguments}))  # type: ignore[arg-type]
    assert isinstance(result, CannotExamine)
    assert said in result.text
    assert result.exit_code == code


def test_no_zone_and_no_answer_are_words_and_1() -> None:
    """A server that does not know the name, and one that says nothing."""

    async def both() -> list[DoctorReport | CannotExamine]:
        silent = Script(_zone(), origin=ZONE, udp=False, tcp=False)
        async with serving([("127.0.0.1", Script(None, origin=ZONE)), ("127.0.0.2", silent)]) as port:
            waits_s = {1: PATIENT_S, 2: 0.2}
            return [await examine(NAME, server=f"127.0.0.{i}:{port}", timeout_s=s) for i, s in waits_s.items()]

    refused, out = asyncio.run(both())
    assert isinstance(refused, CannotExamine)
    assert "no zone found" in refused.text
    assert "REFUSED" in refused.text
    assert isinstance(out, CannotExamine)
    assert "does not answer" in out.text
    assert (refused.exit_code, out.exit_code) == (1, 1)


def test_through_a_resolver() -> None:
    """A resolver finds zone and name servers; these are asked themselves."""

    async def examined() -> DoctorReport | CannotExamine:
        scripts = [(f"127.0.0.{i}", _script(*GOOD)) for i in (1, 2, 3)]
        async with serving(scripts) as port:
            return await examine(NAME, resolver=f"127.0.0.3:{port}", port=port, timeout_s=PATIENT_S)

    report = asyncio.run(examined())
    assert isinstance(report, DoctorReport)
    assert report.findings == ()
    assert len(report.evidence.servers) == 2


@pytest.mark.real
def test_on_bind() -> None:
    """A real server: a name, its negative TTL, and a wildcard."""
    spec = ZoneSpec(ZONE, minimum=300, records=(*GOOD, f"*.{ZONE}. 60 IN A 192.0.2.99"))
    with start_bind((spec,)) as running:
        report = asyncio.run(examine(NAME, server=f"127.0.0.1:{running.port}"))
    assert isinstance(report, DoctorReport)
    assert _topics(report) == {"single-server", "wildcard"}
    assert (report.failure.stale_s, report.failure.emptiness_s) == (30, 60)


@pytest.mark.real
def test_on_the_embedded_server() -> None:
    """The embedded server is understood like any other; a name that is not there yet is empty."""
    with start_embedded((ZoneSpec("quickstart.test"),)) as running:
        report = asyncio.run(examine("api.quickstart.test", server=f"127.0.0.1:{running.port}"))
    assert isinstance(report, DoctorReport)
    assert _topics(report, Grade.ERROR) == {"empty"}
    assert report.failure.emptiness_s == 5
