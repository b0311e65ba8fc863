"""The strict fake of Route 53 is strict: its rules cite the vendor, and each refuses what it should."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from holdfast.runtime.route53.wire import service
from servers import route53_model as model
from servers.route53_engine import Knobs, Refusal, Route53
from servers.route53_rules import MODEL, RULES

ZONE_ID = "Z1"


def _documentation() -> str:
    """All that botocore's model says of the API, as plain text."""
    shapes = service()._shape_resolver._shape_map
    texts = [service().operation_model(o).documentation for o in service().operation_names]
    for shape in shapes.values():
        texts.append(shape.get("documentation", ""))
        texts += [m.get("documentation", "") for m in shape.get("members", {}).values()]
    return _plain(" ".join(texts))


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", text))).strip()


def test_rules_cite_sentences_that_the_model_holds() -> None:
    """Every citation of the service model stands there word by word; the others name their source."""
    said = re.sub(r"\s", "", _documentation())
    missing = [
        name
        for name, (source, _, text) in RULES.items()
        if source == MODEL and re.sub(r"\s", "", text) not in said
    ]
    assert not missing
    assert all(where and text for _, where, text in RULES.values())


class Time:
    """Seconds, moved by hand."""

    now_s = 1e9


def _engine(**knobs: Any) -> tuple[Route53, Time]:
    time = Time()
    return Route53(((ZONE_ID, "r53.test"),), lambda: time.now_s, Knobs(**knobs)), time


def _set(label: str, *values: str, rtype: str = "A", ttl: int = 5, **more: Any) -> dict[str, Any]:
    records = [{"Value": v} for v in values or ("192.0.2.1",)]
    return {"Name": f"{label}.r53.test", "Type": rtype, **more, "TTL": ttl, "ResourceRecords": records}


def _weighted(label: str, value: str, weight: int = 1, **more: Any) -> dict[str, Any]:
    return _set(label, value, SetIdentifier=value, Weight=weight, **more)


def _change(engine: Route53, *changes: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    made = [{"Action": action, "ResourceRecordSet": one} for action, one in changes]
    return engine.call("ChangeResourceRecordSets", {"HostedZoneId": ZONE_ID, "ChangeBatch": {"Changes": made}})


def _refused(engine: Route53, *changes: tuple[str, dict[str, Any]], code: str = "InvalidChangeBatch") -> str:
    """The batch is refused, and nothing of it is there."""
    before = dict(engine.zones[ZONE_ID].sets)
    with pytest.raises(Refusal) as caught:
        _change(engine, *changes)
    assert caught.value.code == code
    assert engine.zones[ZONE_ID].sets == before
    return "; ".join(caught.value.messages)


A = _set("a")
REFUSED: dict[str, tuple[tuple[tuple[str, dict[str, Any]], ...], str]] = {
    "atomic": ((("CREATE", _set("new")), ("DELETE", _set("none"))), "was not found"),
    "delete exact: value": ((("DELETE", _set("a", "192.0.2.2")),), "do not match the current values"),
    "delete exact: TTL": ((("DELETE", _set("a", ttl=6)),), "do not match the current values"),
    "delete twice": ((("DELETE", A), ("DELETE", A)), "invalid set of changes"),
    "create existing": ((("CREATE", _set("a", "192.0.2.9")),), "already exists"),
    "weighted beside simple": ((("CREATE", _weighted("a", "192.0.2.2")),), "non-weighted set exists"),
    "weighted before simple goes": (
        (("CREATE", _weighted("a", "192.0.2.2")), ("DELETE", A)),
        "non-weighted set exists",
    ),
    "simple beside weighted": ((("CREATE", _set("w")),), "other RRSets exist"),
    "multivalue beside weighted": (
        (("CREATE", _set("w", SetIdentifier="m", MultiValueAnswer=True)),),
        "another routing policy",
    ),
    "one TTL": ((("CREATE", _weighted("w", "192.0.2.3", ttl=6)),), "must have the same value for TTL"),
    "one record": (
        (("CREATE", _set("v", "192.0.2.1", "192.0.2.2", SetIdentifier="x", Weight=1)),),
        "one ResourceRecord",
    ),
    "address beside alias": ((("CREATE", _set("c")),), "conflicting RRSet of type  CNAME"),
    "alias beside address": ((("CREATE", _set("a", "b.test.", rtype="CNAME")),), "conflicts with other records"),
    "another zone": ((("CREATE", {**A, "Name": "a.else.test"}),), "not permitted in zone"),
    "no address": ((("CREATE", _set("n", "192.0.2")),), "no address"),
    "text without quotes": ((("CREATE", _set("n", "bare", rtype="TXT")),), "quotation marks"),
    "a string too long": ((("CREATE", _set("n", f'"{"x" * 256}"', rtype="TXT")),), "255"),
    "the apex's SOA": ((("DELETE", {}),), "at least one SOA"),
    "too many records": (
        tuple(("CREATE", _set(f"n{i}", *(f"192.0.{i}.{j}" for j in range(200)))) for i in range(6)),
        "limit of 1000",
    ),
    "too many, counted twice": (
        tuple(("UPSERT", _set(f"n{i}", *(f"192.0.{i}.{j}" for j in range(200)))) for i in range(3)),
        "limit of 1000",
    ),
    "too long": (
        tuple(("CREATE", _set(f"n{i}", *([f'"{"x" * 250}" ' * 14 + '"x"']), rtype="TXT")) for i in range(10)),
        "limit 32000",
    ),
}


@pytest.mark.parametrize("rule", REFUSED)
def test_a_batch_against_a_rule_is_refused_whole(rule: str) -> None:
    """Each rule: the batch is InvalidChangeBatch with the service's words, and nothing of it is made."""
    engine, _ = _engine()
    _change(
        engine,
        ("CREATE", A),
        ("CREATE", _weighted("w", "192.0.2.1")),
        ("CREATE", _set("c", "else.test.", rtype="CNAME")),
    )
    changes, says = REFUSED[rule]
    if rule == "the apex's SOA":
        changes = (("DELETE", engine.zones[ZONE_ID].sets["r53.test", "SOA", ""]),)
    assert says in _refused(engine, *changes)


@pytest.mark.parametrize(
    "one",
    [
        {**A, "SetIdentifier": "x"},
        {**A, "Weight": 1},
        {**A, "SetIdentifier": "x", "Weight": 1, "MultiValueAnswer": True},
        {"Name": "a.r53.test", "Type": "A", "TTL": 5},
        {**A, "AliasTarget": {"HostedZoneId": "Z", "DNSName": "x.", "EvaluateTargetHealth": False}},
    ],
)
def test_contradicting_elements_are_invalid_input(one: dict[str, Any]) -> None:
    """An identifier without a policy, two policies, neither values nor alias, both."""
    _refused(_engine()[0], ("CREATE", one), code="InvalidInput")


def test_a_group_changes_its_form_in_one_batch_if_deletions_come_first() -> None:
    """DELETE all, CREATE all; values in any order are the same values."""
    engine, _ = _engine()
    _change(engine, ("CREATE", _set("a", "192.0.2.2", "192.0.2.1")))
    _change(
        engine,
        ("DELETE", _set("a", "192.0.2.1", "192.0.2.2")),
        ("CREATE", _weighted("a", "192.0.2.1")),
        ("CREATE", _weighted("a", "192.0.2.2", 7)),
    )
    assert len(engine.zones[ZONE_ID].sets) == 4


def test_identical_delete_and_create_is_a_knob() -> None:
    """The vendor does not say: the fake does either."""
    for refuses in (False, True):
        engine, _ = _engine(refuses_identical=refuses)
        _change(engine, ("CREATE", A))
        if refuses:
            assert "invalid set of changes" in _refused(engine, ("DELETE", A), ("CREATE", A))
        else:
            _change(engine, ("DELETE", A), ("CREATE", A))


def test_changes_propagate_and_batches_wait_for_each_other() -> None:
    """PENDING until the time has come; a batch too soon after another is PriorRequestNotComplete."""
    engine, time = _engine(pending_s=60.0, busy_s=1.0)
    info = _change(engine, ("UPSERT", A))["ChangeInfo"]
    assert info["Status"] == "PENDING"
    assert _refused(engine, ("UPSERT", A), code="PriorRequestNotComplete")
    time.now_s += 1.0
    _change(engine, ("UPSERT", A))
    time.now_s += 59.0
    assert engine.call("GetChange", {"Id": info["Id"]})["ChangeInfo"]["Status"] == "INSYNC"


def test_a_sixth_request_in_a_second_is_throttled() -> None:
    """Five a second; a second later it goes on."""
    engine, time = _engine(per_s=5.0)
    for _ in range(5):
        engine.call("GetHostedZone", {"Id": ZONE_ID})
    with pytest.raises(Refusal, match="Rate exceeded"):
        engine.call("GetHostedZone", {"Id": ZONE_ID})
    time.now_s += 1.0
    engine.call("GetHostedZone", {"Id": ZONE_ID})


def test_a_list_begins_anywhere_and_comes_in_pages() -> None:
    """Order by reversed labels, `a-b` before `a`; NextRecordName where the next page begins; type needs a name."""
    engine, _ = _engine()
    _change(engine, *(("CREATE", _set(label)) for label in ("a", "a-b", "*", "b.a")))
    first = engine.call("ListResourceRecordSets", {"HostedZoneId": ZONE_ID, "MaxItems": "4"})
    names = [s["Name"] for s in first["ResourceRecordSets"]]
    assert names == ["r53.test.", "r53.test.", "\\052.r53.test.", "a-b.r53.test."]
    assert (first["IsTruncated"], first["NextRecordName"]) == (True, "a.r53.test.")
    rest = {"HostedZoneId": ZONE_ID, "StartRecordName": "a.r53.test.", "StartRecordType": "AAAA"}
    assert [s["Name"] for s in engine.call("ListResourceRecordSets", rest)["ResourceRecordSets"]] == [
        "b.a.r53.test."
    ]
    with pytest.raises(Refusal, match="InvalidInput"):
        engine.call("ListResourceRecordSets", {"HostedZoneId": ZONE_ID, "StartRecordType": "A"})


@pytest.mark.parametrize(
    ("inner", "says"),
    [
        ("<Changes><Change><Action>PUT</Action>%s</Change></Changes>", "none of CREATE, DELETE, UPSERT"),
        ("<Changes><Change>%s<Action>CREATE</Action></Change></Changes>", "out of order"),
        ("<Changes><Change><Action>CREATE</Action></Change></Changes>", "ResourceRecordSet"),
        ("<Changes/><Comment>late</Comment>", "out of order"),
        ("<Changes></Changes>", "valid min length: 1"),
        ("<Surprise/>", "unknown element Surprise"),
    ],
)
def test_requests_are_held_to_the_model(inner: str, says: str) -> None:
    """Words, order, missing and unknown elements, lengths: what the model does not allow is refused."""
    one = "<ResourceRecordSet><Name>a.</Name><Type>A</Type></ResourceRecordSet>"
    body = inner.replace("%s", one)
    root = f'<ChangeResourceRecordSetsRequest xmlns="{model.NAMESPACE}"><ChangeBatch>{body}</ChangeBatch>'
    with pytest.raises(model.NotByTheModel, match=says):
        _read(f"{root}</ChangeResourceRecordSetsRequest>".encode())


def _read(body: bytes) -> None:
    shape = service().operation_model("ChangeResourceRecordSets").input_shape
    parameters = {"HostedZoneId": ZONE_ID, **model.read_body("ChangeResourceRecordSets", body)}
    model.check(parameters, shape, "request")


def test_answers_are_held_to_the_model() -> None:
    """The fake can't answer what the service could not."""
    with pytest.raises(model.NotByTheModel, match="Status"):
        model.write(
            "GetChange", {"ChangeInfo": {"Id": "C1", "Status": "SOON", "SubmittedAt": "2026-01-01T00:00:00Z"}}
        )
