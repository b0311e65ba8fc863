"""The webhook's contract, replayed: requests as ExternalDNS's documentation, client and own tests have them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.access.gate import Gate
from holdfast.access.grants import parse_grant
from holdfast.access.tokens import line
from holdfast.externaldns import contract
from holdfast.externaldns.contract import MEDIA_TYPE
from webhook_world import RULE, Cluster, World, configuration, wish

FOO = {"dnsName": "foo.example.com", "recordType": "A", "recordTTL": 60, "targets": ["1.2.3.4", "1.2.3.5"]}
"""The examples of `api/webhook.yaml`, put together."""


async def test_negotiation_answers_media_type_vary_and_domains() -> None:
    """GET / answers 200 with exactly the media type, `Vary: Content-Type`, and the filter in both spellings."""
    cluster = Cluster(World())
    answer = await cluster.send("GET", "/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.headers["vary"] == "Content-Type"
    assert answer.json() == {"include": ["example.com"], "exclude": [RULE], "filters": ["example.com"]}


async def test_documented_batch_is_accepted_and_read_back() -> None:
    """The documented create is answered by an empty 204, and GET /records has it as it was sent."""
    world = World()
    cluster = Cluster(world)
    assert (await cluster.send("GET", "/records")).json() == []
    answer = await cluster.send("POST", "/records", {"create": [FOO]})
    assert (answer.status_code, answer.content) == (204, b"")
    read = await cluster.send("GET", "/records")
    assert (read.status_code, read.headers["content-type"]) == (200, MEDIA_TYPE)
    assert read.json() == [FOO]
    world.check()


async def test_registry_records_come_back_word_for_word() -> None:
    """Ownership TXT records of the registry, in the new form, are kept and read back with their quotes."""
    world = World()
    cluster = Cluster(world)
    text = '"heritage=external-dns,external-dns/owner=cluster-1,external-dns/resource=ingress/default/foo"'
    mark = {"dnsName": "a-foo.example.com", "recordType": "TXT", "targets": [text],
            "labels": {"ownedRecord": "foo.example.com"}}  # fmt: skip
    assert (await cluster.send("POST", "/records", {"create": [FOO, mark]})).status_code == 204
    found = await cluster.records()
    assert found == [FOO, {"dnsName": "a-foo.example.com", "recordType": "TXT", "targets": [text]}]
    (kept,) = world.names.marks
    assert (kept.owner, kept.of, kept.rtype) == ("cluster-1", "foo.example.com", "A")
    assert all(e.name != "a-foo.example.com" for e in world.stored.configuration.endpoints), "never in DNS"


@pytest.mark.parametrize(
    "body",
    [
        {"Create": [FOO], "UpdateOld": None, "UpdateNew": None, "Delete": None},
        {"Create": [FOO], "updateOld": [], "updateNew": [], "Delete": []},
        {"create": [FOO], "unknown": 1},
        {"create": [{**FOO, "setIdentifier": "", "providerSpecific": [{"name": "alias", "value": "false"}]}]},
    ],
)
async def test_spellings_of_all_versions_are_read(body: object) -> None:
    """Capital keys and null lists (before 0.15), mixed case, new fields: read as Go's decoder reads them."""
    cluster = Cluster(World())
    assert (await cluster.send("POST", "/records", body)).status_code == 204
    assert await cluster.records() == [FOO]


async def test_client_without_content_type_is_read() -> None:
    """ExternalDNS before 0.14.1 names no media type when it posts."""
    cluster = Cluster(World())
    answer = await cluster.http.post("/records", content=json.dumps({"create": [FOO]}).encode())
    assert answer.status_code == 204


async def test_adjusted_endpoints_are_in_the_form_kept() -> None:
    """POST /adjustendpoints answers 200 with sorted addresses, a TTL, no properties; one pass settles it."""
    cluster = Cluster(World())
    sent = wish("Foo.Example.com.", "1.2.3.5", "1.2.3.4", providerSpecific=[{"name": "aws/weight", "value": "1"}])
    answer = await cluster.send("POST", "/adjustendpoints", [sent])
    assert (answer.status_code, answer.headers["content-type"]) == (200, MEDIA_TYPE)
    (got,) = answer.json()
    assert got == {"dnsName": "foo.example.com", "recordType": "A", "recordTTL": 300,
                   "targets": ["1.2.3.4", "1.2.3.5"], "labels": {"resource": "ingress/default/Foo"}}  # fmt: skip
    assert (await cluster.send("POST", "/adjustendpoints", [got])).json() == [got]
    assert (await cluster.send("POST", "/adjustendpoints", b"null")).json() == []


async def test_adjusting_leaves_out_what_cannot_be_kept() -> None:
    """Other types, wildcards, set identifiers, foreign and kept names are left out and said; the rest goes on."""
    world = World()
    wished = [
        wish("shop.example.com", "1.2.3.4"),
        wish("cdn.example.com", "lb.cloud.test", rtype="CNAME"),
        wish("*.example.com", "1.2.3.4"),
        wish("w.example.com", "1.2.3.4", setIdentifier="eu"),
        wish("shop.example.org", "1.2.3.4"),
        wish(RULE, "1.2.3.4"),
        wish("_holdfast-s.example.com", "1.2.3.4"),
        wish("six.example.com", "1.2.3.4", rtype="AAAA"),
    ]
    answer = await Cluster(world).send("POST", "/adjustendpoints", wished)
    assert [e["dnsName"] for e in answer.json()] == ["shop.example.com"]
    assert len(world.out) == 7
    assert "holdfast keeps A and AAAA" in world.out[0].why


async def test_name_that_is_kept_keeps_its_addresses_when_its_type_changes() -> None:
    """A -> CNAME (ExternalDNS issue 2820): what is kept stands in for the wish, so that no deletion is planned."""
    world = World()
    cluster = Cluster(world)
    await cluster.sync([wish("shop.example.com", "1.2.3.4")])
    changes, answer = await cluster.sync([wish("shop.example.com", "lb.cloud.test", rtype="CNAME")])
    assert (changes, answer) == ({}, None)
    assert [e["targets"] for e in await cluster.records() if e["recordType"] == "A"] == [["1.2.3.4"]]


BAD_RECORDS = [
    ({**FOO, "recordType": "CNAME", "targets": ["lb.cloud.test"]}, "keeps A and AAAA"),
    ({**FOO, "recordType": ""}, "(none)"),
    ({**FOO, "recordType": "TXT", "targets": ["hello"]}, "TXT"),
    ({**FOO, "dnsName": "foo.example.org"}, "not below example.com"),
    ({**FOO, "dnsName": "*.example.com"}, "wildcard"),
    ({**FOO, "dnsName": RULE}, "[[endpoint]]"),
    ({**FOO, "dnsName": "x" * 64 + ".example.com"}, "no name"),
    ({**FOO, "dnsName": ""}, "no name"),
    ({**FOO, "targets": []}, "never empty"),
    ({**FOO, "targets": ["lb.cloud.test"]}, "no IPv4 address"),
    ({**FOO, "targets": ["203.0.113.9"]}, "allowed_prefixes"),
    ({**FOO, "setIdentifier": "eu"}, "set identifier"),
    ({**FOO, "recordTTL": -1}, "TTL -1"),
]


@pytest.mark.parametrize(("record", "said"), BAD_RECORDS)
async def test_record_that_cannot_be_kept_refuses_the_batch(record: dict[str, object], said: str) -> None:
    """422 with the record and the reason; nothing of the batch is taken, not even its good records."""
    world = World(configuration(prefixes=("1.2.3.0/24",)))
    good = {**FOO, "dnsName": "good.example.com"}
    answer = await Cluster(world).send("POST", "/records", {"create": [good, record]})
    assert answer.status_code == 422
    assert said in answer.json()["error"]
    assert await Cluster(world).records() == []
    assert world.stored.revision == 1
    assert [e.kind for e in world.events] == ["external.refused"]


MALFORMED = [
    b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"create": 1}', b'{"create": [1]}',
    b'{"create": [{"dnsName": 1}]}',
    b'{"create": [{"targets": "1.2.3.4"}]}', b'{"create": [{"recordTTL": "60"}]}', b'{"create": [null]}',
    b'{"create": [{"labels": {"owner": 1}}]}', b"[" * 100_000, b'{"create": [{"recordTTL": 1e400}]}',
]  # fmt: skip


@pytest.mark.parametrize("body", MALFORMED, ids=range(len(MALFORMED)))
async def test_malformed_body_is_400(body: bytes) -> None:
    """What is no batch, or no list, is 400 with a sentence; never 500, never a traceback."""
    cluster = Cluster(World())
    answer = await cluster.send("POST", "/records", body)
    assert answer.status_code == 400
    assert "contract" in answer.json()["error"]
    if body not in (b"[]", b"null"):
        assert (await cluster.send("POST", "/adjustendpoints", body)).status_code == 400


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("text/html", 415),
        ("application/json", 415),
        ("application/external.dns.webhook+json;version=2", 415),
        ("application/external.dns.webhook+json; version=1", 204),
        ("application/external.dns.webhook+json", 204),
    ],
)
async def test_media_type_of_a_body(given: str, status: int) -> None:
    """Another media type or version is 415; white space and a missing version are not."""
    answer = await Cluster(World()).send("POST", "/records", {"create": [FOO]}, **{"Content-Type": given})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("accept", "status"),
    [("text/html", 406), ("application/external.dns.webhook+json;version=2", 406), ("*/*", 200)],
)
async def test_accept_is_read(accept: str, status: int) -> None:
    """A client of another version learns at the negotiation that this is version 1."""
    assert (await Cluster(World()).send("GET", "/", Accept=accept)).status_code == status


async def test_body_over_the_limit_is_413(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body without end is cut at the limit."""
    from holdfast.service.webhook import http

    monkeypatch.setattr(http, "BYTES_MAX", 1000)
    for path in ("/records", "/adjustendpoints"):
        assert (await Cluster(World()).send("POST", path, b"[" + b" " * 1000)).status_code == 413
    assert contract.BYTES_MAX == 32 << 20


async def test_other_methods_and_paths() -> None:
    """405 and 404, as ever."""
    cluster = Cluster(World())
    assert (await cluster.send("PUT", "/records", {})).status_code == 405
    assert (await cluster.send("GET", "/adjustendpoints")).status_code == 405
    assert (await cluster.send("GET", "/applychanges")).status_code == 404


async def test_silent_store_is_a_code_that_is_retried() -> None:
    """While the store does not answer, everything is 503: ExternalDNS keeps what it has and asks again."""
    world = World()
    world.silent = "the store is out"
    cluster = Cluster(world)
    for method, path, body in (("GET", "/", None), ("GET", "/records", None), ("POST", "/records", {}),
                               ("POST", "/adjustendpoints", [])):  # fmt: skip
        answer = await cluster.send(method, path, body)
        assert (answer.status_code, answer.json()["error"]) == (503, "the store is out")


async def test_token_is_asked_for_on_every_route() -> None:
    """With a gate, reads and writes without a token are 401, and with the key as ever."""
    cluster = Cluster(World(), gate=Gate(key="secret"))
    for method, path in (("GET", "/"), ("GET", "/records"), ("POST", "/records"), ("POST", "/adjustendpoints")):
        assert (await cluster.send(method, path)).status_code == 401
        assert (await cluster.send(method, path, Authorization="Bearer other")).status_code == 401
    assert (await cluster.send("GET", "/records", Authorization="Bearer secret")).status_code == 200


async def test_token_reaches_the_domains_of_its_grants_alone(tmp_path: Path) -> None:
    """`records:team-a.example.com` negotiates, reads and writes that domain; another role nothing."""
    file = tmp_path / "tokens"
    tokens = {"a": "records:team-a.example.com", "b": "read", "all": "records"}
    file.write_text("".join(line(id_, (parse_grant(g),), f"{id_}.shown") for id_, g in tokens.items()))
    file.chmod(0o600)
    cluster = Cluster(World(), gate=Gate(file=file))
    a, b, everything = ({"Authorization": f"Bearer {id_}.shown"} for id_ in tokens)
    assert (await cluster.send("GET", "/", **a)).json()["include"] == ["team-a.example.com"]
    assert (await cluster.send("GET", "/", **b)).status_code == 403
    assert (await cluster.send("POST", "/records", {"create": [FOO]}, **b)).status_code == 403
    assert (await cluster.send("POST", "/records", {"create": [FOO]}, **a)).status_code == 422
    assert (await cluster.send("POST", "/records", {"create": [FOO]}, **everything)).status_code == 204
    own = {**FOO, "dnsName": "x.team-a.example.com"}
    assert (await cluster.send("POST", "/records", {"create": [own]}, **a)).status_code == 204
    assert (await cluster.send("GET", "/records", **a)).json() == [own]
    assert (await cluster.send("POST", "/records", {"delete": [FOO]}, **a)).status_code == 422


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
FIELDS = st.sampled_from(["dnsName", "recordType", "targets", "recordTTL", "labels", "setIdentifier", "x"])
VALUES = SCALARS | st.sampled_from(["foo.example.com", "A", "AAAA", "TXT", '"heritage=external-dns"', ["1.2.3.4"]])
RECORDS = st.dictionaries(FIELDS, VALUES, max_size=6) | SCALARS
PARTS = st.sampled_from(["create", "updateOld", "updateNew", "delete", "Delete", "y"])
BODIES = (
    st.binary(max_size=40)
    | st.dictionaries(PARTS, st.lists(RECORDS, max_size=4) | SCALARS, max_size=4).map(
        lambda body: json.dumps(body).encode()
    )
    | st.lists(RECORDS, max_size=4).map(lambda body: json.dumps(body).encode())
)


@given(BODIES)
@settings(max_examples=60, deadline=None)
async def test_any_body_has_one_of_the_answers(body: bytes) -> None:
    """Whatever is posted: an answer of the table, and the configuration stays whole."""
    world = World()
    cluster = Cluster(world)
    assert (await cluster.send("POST", "/records", body)).status_code in (204, 400, 422, 503)
    assert (await cluster.send("POST", "/adjustendpoints", body)).status_code in (200, 400)
    assert (await cluster.send("GET", "/records")).status_code == 200
    assert all(group.targets for group in world.stored.configuration.groups)
