"""Route 53's transport: turns, credentials, and what each kind of answer means, over HTTP with the strict fake."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.model.configuration import Route53Settings
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.route53 import (
    Accepted,
    BatchRefused,
    ChangeRecordSets,
    GetHostedZone,
    HostedZone,
    InSync,
    ListRecordSets,
    NotAllowed,
    RecordPage,
    RecordSet,
    SetAction,
    SetChange,
    Start,
)
from holdfast.runtime.route53 import wire
from holdfast.runtime.route53.credentials import Credentials, CredentialSource, NoCredentials
from holdfast.runtime.route53.pacing import Pacer
from holdfast.runtime.route53.transport import Route53Transport, page_of
from servers import route53_model as model
from servers.ports import free_port
from servers.route53 import ENVIRONMENT, SECRET, Served, serving, zone_config
from servers.route53_engine import Knobs

ZONE = "r53.test"


class Clock:
    """Time that only sleep moves."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.now_s += seconds


def _pacer(clock: Clock, per_s: float) -> Pacer:
    return Pacer(per_s, now_s=lambda: clock.now_s, sleep=clock.sleep, chance=lambda: 0.0)


async def test_requests_keep_to_the_rate() -> None:
    """Five a second: after what a second's pause has saved up, one every fifth of a second."""
    clock = Clock()
    pacer = _pacer(clock, 5.0)
    for _ in range(20):
        await pacer.turn()
    assert clock.now_s == pytest.approx(19 / 5)


async def test_throttling_pauses_and_slows_and_answers_bring_back() -> None:
    """A throttled request halves the rate and stops all for the hint; answers give it back step by step."""
    clock = Clock()
    pacer = _pacer(clock, 4.0)
    assert [pacer.throttled(None), pacer.throttled(None)] == [0.2, 0.4]
    assert pacer.per_s == 1.0
    await pacer.turn()
    assert clock.slept == [0.4]
    pacer.answered()
    assert pacer.throttled(3.0) == 3.0
    await pacer.turn()
    assert clock.slept[-1] == 3.0
    for _ in range(30):
        pacer.answered()
    assert pacer.per_s == 4.0
    for _ in range(20):
        pacer.throttled(None)
    assert pacer.per_s == 0.5


def _source(
    file: str = "", environment: dict[str, str] | None = None, profile: str = "default"
) -> CredentialSource:
    settings = Route53Settings("Z1", credentials_file=file, profile=profile)
    return CredentialSource(settings, environment or {})


def test_credentials_come_from_the_environment_or_a_private_file(tmp_path: Path) -> None:
    """Both forms are read; a changed file is read again; nothing prints them."""
    token = {**ENVIRONMENT, "AWS_SESSION_TOKEN": "t"}
    assert _source(environment=token).get().token == "t"
    file = tmp_path / "aws"
    file.touch(mode=0o600)
    file.write_text("[default]\naws_access_key_id = A\naws_secret_access_key = one\n[other]\n")
    source = _source(str(file))
    assert source.get() == Credentials("A", "one")
    file.write_text("[default]\naws_access_key_id = A\naws_secret_access_key = two\naws_session_token = t\n")
    assert source.get() == Credentials("A", "two", "t")
    assert "two" not in repr(source.get())


@pytest.mark.parametrize(
    ("text", "mode", "profile", "says"),
    [
        ("[default]\naws_access_key_id=A\naws_secret_access_key=hidden\n", 0o644, "default", "chmod 600"),
        ("[default]\naws_access_key_id=A\naws_secret_access_key=hidden\n", 0o600, "prod", "no profile [prod]"),
        ("[default]\naws_secret_access_key=hidden\n", 0o600, "default", "lacks aws_access_key_id"),
        ("aws_secret_access_key=hidden\n", 0o600, "default", "no credentials file at line 1"),
        ("[default]\nhidden\n", 0o600, "default", "no credentials file"),
    ],
)
def test_bad_credentials_are_named_and_not_shown(
    tmp_path: Path, text: str, mode: int, profile: str, says: str
) -> None:
    """What is wrong and what to do; never what the file holds."""
    file = tmp_path / "aws"
    file.touch(mode=mode)
    file.chmod(mode)
    file.write_text(text)
    with pytest.raises(NoCredentials) as caught:
        _source(str(file), profile=profile).get()
    assert says in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_no_credentials_at_all() -> None:
    """The environment's variables are named."""
    with pytest.raises(NoCredentials, match="AWS_ACCESS_KEY_ID"):
        _source().get()
    with pytest.raises(NoCredentials, match="can't be read"):
        _source("/nonexistent/aws").get()


PAGE: dict[str, Any] = {
    "ResourceRecordSets": [
        {
            "Name": "\\052.r53.test.",
            "Type": "A",
            "SetIdentifier": "x",
            "Weight": 3,
            "TTL": 5,
            "ResourceRecords": [{"Value": "192.0.2.1"}],
        }
    ],
    "IsTruncated": True,
    "NextRecordName": "c.r53.test.",
    "NextRecordType": "A",
    "MaxItems": "1",
}
LISTED = model.write("ListResourceRecordSets", PAGE)
PIECES = [b"", b"<TTL>", b"</Name>", b"x", b"-1", b"\xff", b"<a/>", LISTED[60:200]]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(LISTED)), st.integers(0, 40), st.sampled_from(PIECES), st.sampled_from([200, 400, 503]))
def test_damaged_answers_are_values(start: int, length: int, piece: bytes, status: int) -> None:
    """Whatever was cut out or put in: an answer, an error of the service, or ValueError."""
    body = LISTED[:start] + piece + LISTED[start + length :]
    try:
        found = wire.answer("ListResourceRecordSets", status, {}, body)
    except ValueError:
        return
    assert isinstance(found, wire.Fault) == (status != 200)
    if isinstance(found, dict):
        assert isinstance(page_of(found), (RecordPage, CouldNotAsk))


def _create(label: str, *values: str) -> SetChange:
    return SetChange(SetAction.CREATE, RecordSet(f"{label}.{ZONE}", "A", 5, values or ("192.0.2.1",)))


CREATE = ChangeRecordSets(ZONE, (_create("a"),))
Ask = Callable[[Served, Route53Transport], Awaitable[None]]


async def _with(ask: Ask, knobs: Knobs | None = None) -> None:
    async with serving((ZONE,), knobs) as served:
        transport = Route53Transport((zone_config(ZONE, served.address),), ENVIRONMENT)
        try:
            await ask(served, transport)
        finally:
            await transport.close()


async def test_a_batch_is_accepted_pending_and_then_in_sync() -> None:
    """The change has an id; GetChange tells how far it is; the list shows it at once."""

    async def ask(served: Served, transport: Route53Transport) -> None:
        answer = await transport.change_sets(CREATE)
        assert isinstance(answer, Accepted)
        assert await transport.in_sync(InSync(ZONE, answer.change_id)) is False
        page = await transport.list_sets(ListRecordSets(ZONE, Start(f"a.{ZONE}"), 1))
        assert isinstance(page, RecordPage)
        assert page.sets == (CREATE.changes[0].record_set,)
        served.engine.knobs.pending_s = 0.0
        assert await transport.in_sync(InSync(ZONE, answer.change_id)) is True
        assert isinstance(await transport.in_sync(InSync(ZONE, "nothing")), CouldNotAsk)

    await _with(ask, Knobs(pending_s=3600.0))


async def test_a_refused_batch_says_why_in_both_forms_of_the_answer() -> None:
    """InvalidChangeBatch is a result of its own, in the form of the API reference and in the clients' form."""

    async def ask(served: Served, transport: Route53Transport) -> None:
        assert isinstance(await transport.change_sets(CREATE), Accepted)
        served.fates.extend(["", "own"])
        for _ in range(2):
            answer = await transport.change_sets(CREATE)
            assert isinstance(answer, BatchRefused)
            assert answer.messages == (
                "Tried to create resource record set [name='a.r53.test.', type='A'] but it already exists",
            )

    await _with(ask)


async def test_turned_away_is_no_refusal() -> None:
    """Throttled, or busy with the batch before: nothing was applied, and it can be asked again."""

    async def ask(served: Served, transport: Route53Transport) -> None:
        served.fates.append("soon")
        throttled = await transport.change_sets(CREATE)
        assert isinstance(throttled, CouldNotAsk)
        assert not throttled.maybe_applied
        assert "the next request goes out in" in throttled.reason
        assert isinstance(await transport.change_sets(CREATE), Accepted)
        busy = await transport.change_sets(ChangeRecordSets(ZONE, (_create("b"),)))
        assert isinstance(busy, CouldNotAsk)
        assert not busy.maybe_applied
        assert "PriorRequestNotComplete" in busy.reason

    await _with(ask, Knobs(busy_s=3600.0))


async def test_a_throttled_question_is_asked_again() -> None:
    """Questions wait for the pause and come through."""

    async def ask(served: Served, transport: Route53Transport) -> None:
        for _ in range(4):
            page = await transport.list_sets(ListRecordSets(ZONE, Start(ZONE), 5))
            assert isinstance(page, RecordPage)
        assert served.engine.counts["Throttling"] > 0

    await _with(ask, Knobs(per_s=2.0))


@pytest.mark.parametrize("fate", ["lost", "fault"])
async def test_an_answer_that_did_not_come_may_mean_applied(fate: str) -> None:
    """A cut connection and a server's fault after the batch was sent: it may be applied, and here it is."""

    async def ask(served: Served, transport: Route53Transport) -> None:
        served.fates.append(fate)
        answer = await transport.change_sets(CREATE)
        assert isinstance(answer, CouldNotAsk)
        assert answer.maybe_applied
        assert isinstance(await transport.change_sets(CREATE), BatchRefused)

    await _with(ask)


async def test_nobody_there_means_not_applied() -> None:
    """A connection that was refused has carried nothing."""
    transport = Route53Transport((zone_config(ZONE, f"http://127.0.0.1:{free_port()}"),), ENVIRONMENT)
    try:
        answer = await transport.change_sets(CREATE)
    finally:
        await transport.close()
    assert isinstance(answer, CouldNotAsk)
    assert not answer.maybe_applied


async def test_rights_and_signatures_are_configuration() -> None:
    """AccessDenied and a wrong secret are refusals for good, and the secret is in no text."""

    async def ask(served: Served, transport: Route53Transport) -> None:
        denied = await transport.change_sets(CREATE)
        assert isinstance(denied, NotAllowed)
        assert denied.code == "AccessDenied"
        wrong = {**ENVIRONMENT, "AWS_SECRET_ACCESS_KEY": f"{SECRET}-not"}
        stranger = Route53Transport((zone_config(ZONE, served.address),), wrong)
        try:
            refused = await stranger.hosted_zone(GetHostedZone(ZONE))
        finally:
            await stranger.close()
        assert isinstance(refused, NotAllowed)
        assert refused.code == "SignatureDoesNotMatch"
        assert SECRET not in refused.text

    await _with(ask, Knobs(denied=("ChangeResourceRecordSets",)))


async def test_a_zone_is_listed_page_by_page() -> None:
    """Weighted sets of one name go on within the name on the next page; the wildcard's name is read."""

    async def ask(served: Served, transport: Route53Transport) -> None:
        sets = [RecordSet(f"w.{ZONE}", "A", 5, (f"192.0.2.{i}",), f"192.0.2.{i}", 1) for i in range(5)]
        sets.append(RecordSet(f"*.{ZONE}", "A", 5, ("192.0.2.9",)))
        batch = tuple(SetChange(SetAction.CREATE, s) for s in sets)
        assert isinstance(await transport.change_sets(ChangeRecordSets(ZONE, batch)), Accepted)
        found: list[RecordSet] = []
        start: Start | None = Start(ZONE)
        while start is not None:
            page = await transport.list_sets(ListRecordSets(ZONE, start, 2))
            assert isinstance(page, RecordPage)
            assert len(page.sets) <= 2
            found.extend(page.sets)
            start = page.following
        assert [s for s in found if s.rtype == "A"] == [sets[-1], *sets[:-1]]

    await _with(ask)


async def test_what_holdfast_cannot_write_back_is_named() -> None:
    """An alias, a health check, another routing policy: the set says so, and is left alone."""

    async def ask(served: Served, transport: Route53Transport) -> None:
        zone = next(iter(served.engine.zones.values()))
        target = {"HostedZoneId": "Z9", "DNSName": "lb.test.", "EvaluateTargetHealth": False}
        values = {"TTL": 5, "ResourceRecords": [{"Value": "192.0.2.1"}]}
        zone.put({"Name": f"a.{ZONE}", "Type": "A", "AliasTarget": target})
        zone.put({"Name": f"b.{ZONE}", "Type": "A", **values, "HealthCheckId": "h"})
        zone.put({"Name": f"c.{ZONE}", "Type": "A", "SetIdentifier": "x", "Region": "eu-west-1", **values})
        page = await transport.list_sets(ListRecordSets(ZONE, Start(f"a.{ZONE}"), 3))
        assert isinstance(page, RecordPage)
        assert [s.other for s in page.sets] == [
            "an alias to lb.test",
            "a record set with HealthCheckId",
            "a record set with Region",
        ]
        hosted = await transport.hosted_zone(GetHostedZone(ZONE))
        assert isinstance(hosted, HostedZone)
        assert (hosted.name, hosted.record_sets, len(hosted.name_servers)) == (ZONE, 5, 4)

    await _with(ask)
