"""Every kind of source read into statements; what is malformed or partial is an error or a counted warning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.depmap.findings import Kind
from holdfast.depmap.merging import Reading, merge
from holdfast.depmap.report import Answers
from holdfast.depmap.sources.faults import Unreadable
from holdfast.depmap.sources.opening import KINDS, read
from holdfast.depmap.sources.saved import to_saved
from holdfast.depmap.sources.spans import Folding, Span
from holdfast.depmap.values import Basis, Map, Need, Phase, Plane


def reading(tmp_path: Path, name: str, content: str, kind: str = "") -> Reading:
    """Read a file of this content."""
    file = tmp_path / name
    file.write_text(content)
    return read(f"{kind}:{file}" if kind else str(file))


def edges(of: Reading) -> dict[tuple[str, str], tuple[bool | None, str]]:
    """Single dependencies with their strength and the reason given."""
    return {(n.of, n.on[0]): (n.hard, n.evidence.says) for n in of.needs if len(n.on) == 1}


OWN = """
format = 1
[[service]]
name = "checkout"
weight = 10
owner = "shop"
aliases = ["checkout-svc"]
needs = ["payments"]
boots_with = ["config"]
uses = ["cache"]
[[service.group]]
name = "databases"
of = ["db-a", "db-b", "db-c"]
at_least = 2
[[service]]
name = "config"
plane = "control"
start = "5m"
[[dependency]]
from = "payments"
to = "bank"
strength = "soft"
reason = "payments queue up"
"""


def test_the_own_format_says_everything_there_is(tmp_path: Path) -> None:
    """Services with attributes, needs by strength and phase, groups, and single dependencies with a reason."""
    of = merge([reading(tmp_path, "map.toml", OWN)])
    services = {service.name: service for service in of.services}
    needs = {(need.of, need.on): need for need in of.needs}
    assert (services["checkout"].weight, services["checkout"].owner) == (10, "shop")
    assert (services["config"].plane, services["config"].start_s) == (Plane.CONTROL, 300)
    assert needs["checkout", ("payments",)].hard
    assert needs["checkout", ("config",)].phase is Phase.BOOT
    assert not needs["checkout", ("cache",)].hard
    assert needs["checkout", ("db-a", "db-b", "db-c")].at_least == 2
    assert not needs["payments", ("bank",)].hard
    assert "payments queue up" in needs["payments", ("bank",)].evidence[0].says


def test_faults_of_the_own_format_are_all_told_with_line_and_key(tmp_path: Path) -> None:
    """An unknown key, a bad number and a group of one, in one go."""
    with pytest.raises(Unreadable) as caught:
        reading(
            tmp_path,
            "map.toml",
            '[[service]]\nname = "a"\nneed = ["b"]\nweight = -1\n[[service.group]]\nof = ["x"]\n',
        )
    assert "3 errors" in str(caught.value)
    assert ":3:1: error: unknown key `need`" in caught.value.fix
    assert ":4:" in caught.value.fix
    assert "two different members" in caught.value.fix


def test_the_users_word_beats_what_calls_show_and_both_are_kept(tmp_path: Path) -> None:
    """An override turns an inferred hard edge soft; the evidence of both stays."""
    trace = reading(tmp_path, "t.csv", "from,to,strength\na,b,hard\n")
    own = reading(tmp_path, "o.toml", '[[dependency]]\nfrom = "a"\nto = "b"\nstrength = "soft"\n')
    (need,) = merge([trace, own]).needs
    assert (need.hard, need.basis) == (False, Basis.SAID)
    assert {Path(e.source).name for e in need.evidence} == {"t.csv", "o.toml"}
    assert merge([own, trace]).needs[0].hard is False


def test_equal_statements_that_differ_are_read_cautiously_and_told(tmp_path: Path) -> None:
    """Two files of the same standing: hard wins, and a warning says so."""
    one = reading(tmp_path, "a.csv", "from,to,strength\na,b,soft\n")
    two = reading(tmp_path, "b.csv", "from,to,strength\na,b,hard\n")
    of = merge([one, two])
    assert of.needs[0].hard
    assert any("differ" in w for c in of.coverage for w in c.warnings)


def test_aliases_make_one_service_of_two_names(tmp_path: Path) -> None:
    """A trace's name and the map's name are one service if the map says so."""
    of = merge([reading(tmp_path, "map.toml", OWN), reading(tmp_path, "c.csv", "from,to\nweb,checkout-svc\n")])
    assert any(need.of == "web" and need.on == ("checkout",) for need in of.needs)
    assert all(service.name != "checkout-svc" for service in of.services)


def test_csv_groups_and_bad_rows(tmp_path: Path) -> None:
    """Rows of one group are its members; what is not understood is counted with the first line."""
    of = reading(
        tmp_path,
        "d.csv",
        "from;to;strength;group;at_least\nweb;db-a;;db;1\nweb;db-b;;db;1\n;x;;;\nweb;cache;weak;;\nweb;q;;;none\n",
    )
    (group,) = [need for need in of.needs if need.group]
    assert (group.on, group.at_least) == (("db-a", "db-b"), 1)
    assert [w.split("d.csv")[1] for w in of.warnings] == [
        ":4: a row without two names",
        ":5: strength 'weak' is neither hard nor soft, and is left open",
        ":6: at_least 'none' is no number from 1 on; 1 is taken",
    ]


def test_csv_without_the_two_columns_is_refused(tmp_path: Path) -> None:
    """The heading is shown, and what it should be."""
    with pytest.raises(Unreadable, match="begin with a line `from,to`"):
        reading(tmp_path, "d.csv", "x,y\n1,2\n")


def test_dot_reads_edges_styles_subgraphs_and_terraform_names(tmp_path: Path) -> None:
    """Dashed is soft; a subgraph at an end stands for its nodes; Terraform's decoration is taken off."""
    of = reading(
        tmp_path,
        "g.dot",
        'digraph { web -> db; web -> cache [style=dashed]; "[root] aws_lb.x (expand)" -> "[root] aws_vpc.y";'
        " subgraph cluster_a { x -> y } a -> {b c}; db [region=east] }",
    )
    assert {key: hard for key, (hard, _) in edges(of).items()} == {
        ("web", "db"): None,
        ("web", "cache"): False,
        ("aws_lb.x", "aws_vpc.y"): None,
        ("x", "y"): None,
        ("a", "b"): None,
        ("a", "c"): None,
    }
    assert [s.region for s in of.services if s.name == "db"] == ["east"]


def test_dot_that_is_none_is_refused(tmp_path: Path) -> None:
    """The parser's own words about the line, and no traceback."""
    with pytest.raises(Unreadable, match="is no DOT"):
        reading(tmp_path, "g.dot", "digraph { a -> ")


COMPOSE = """
services:
  web:
    image: shop/web:1.2
    depends_on:
      db: {condition: service_healthy}
      mail: {condition: service_started, required: false}
    environment:
      CACHE_URL: redis://cache:6379/0
      NOTE: the dbx is not db-like
  worker:
    depends_on: [db, ghost]
    network_mode: service:web
  db: {image: postgres:16}
  cache: {image: redis:7}
  mail: {}
"""


def test_compose_declares_and_its_environment_shows_more(tmp_path: Path) -> None:
    """depends_on, required, network_mode; a URL in the environment is inferred; an unknown service is told."""
    of = reading(tmp_path, "compose.yml", COMPOSE)
    assert {key: hard for key, (hard, _) in edges(of).items()} == {
        ("web", "db"): True,
        ("web", "mail"): False,
        ("web", "cache"): None,
        ("worker", "db"): True,
        ("worker", "web"): True,
    }
    assert any("ghost" in w for w in of.warnings)
    assert [s.code for s in of.services if s.name == "web"] == ["shop/web:1.2"]


def test_backstage_entities_and_apis(tmp_path: Path) -> None:
    """dependsOn, dependencyOf, and a consumer depends on the provider of the API."""
    of = reading(
        tmp_path,
        "catalog-info.yaml",
        """
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: shop}
spec:
  type: service
  owner: group:default/team-a
  dependsOn: [resource:default/db, 'component:auth']
  consumesApis: [pay, none]
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: bank}
spec: {providesApis: [pay], dependencyOf: ['component:default/auth']}
---
kind: Nonsense
metadata: {name: 3}
""",
    )
    assert set(edges(of)) == {("shop", "db"), ("shop", "auth"), ("shop", "bank"), ("auth", "bank")}
    assert [s.owner for s in of.services if s.name == "shop"] == ["team-a"]
    assert len(of.warnings) == 2


def jaeger_span(number: int, service: str, parent: int = 0, **more: Any) -> dict[str, object]:
    """A span as Jaeger's API gives it."""
    references = (
        [{"refType": more.pop("ref", "CHILD_OF"), "traceID": "t", "spanID": f"{parent}"}] if parent else []
    )
    tags = [{"key": key.replace("_", "."), "value": value} for key, value in more.pop("tags", {}).items()]
    return {
        "traceID": "t", "spanID": f"{number}", "processID": service, "references": references,
        "startTime": 0, "duration": 10, "tags": tags, **more,
    }  # fmt: skip


def jaeger(*traces: list[dict[str, object]]) -> str:
    """A file of traces; processes are named by their service."""
    names = {str(span["processID"]) for trace in traces for span in trace}
    processes = {name: {"serviceName": name} for name in names}
    data = [{"traceID": "t", "spans": trace, "processes": processes} for trace in traces]
    return json.dumps({"data": data})


def test_jaeger_traces_tell_strength_by_what_failures_did(tmp_path: Path) -> None:
    """A failure that fails the caller is hard, one that it survives is soft, a late end or a queue is soft."""
    failing = {"error": True}
    trace: list[dict[str, object]] = [
        jaeger_span(1, "web", tags=failing),
        jaeger_span(2, "db", 1, tags=failing),
        jaeger_span(3, "shop"),
        jaeger_span(4, "ads", 3, tags=failing),
        jaeger_span(5, "audit", 3, duration=99),
        jaeger_span(6, "mail", 3, ref="FOLLOWS_FROM"),
        jaeger_span(7, "shop", 3),
        jaeger_span(8, "lost", 77),
        {"spanID": "", "processID": "web"},
    ]
    of = reading(tmp_path, "t.json", jaeger(*[trace] * 6))
    assert edges(of) == {
        ("web", "db"): (True, "6 calls; 6 of 6 failures failed the caller"),
        ("shop", "ads"): (False, "6 calls; the caller survived 6 of 6 failures"),
        ("shop", "audit"): (False, "6 calls, 6 ended after their caller"),
        ("shop", "mail"): (False, "6 calls, 6 by message"),
    }
    assert any("6 of 48 spans name a parent that is not in the file" in w for w in of.warnings)
    assert any("without id or service (6 times)" in w for w in of.warnings)


def test_jaeger_dependencies_bare_or_in_an_answer(tmp_path: Path) -> None:
    """Both shapes are found out; an entry without a child is counted."""
    rows = [{"parent": "a", "child": "b", "callCount": 7}, {"parent": "a", "callCount": 1}]
    bare = reading(tmp_path, "d.json", json.dumps(rows))
    wrapped = reading(tmp_path, "e.json", json.dumps({"data": rows}))
    assert edges(bare) == edges(wrapped) == {("a", "b"): (None, "7 calls")}
    assert len(bare.warnings) == 1


def otlp_line(service: str, spans: list[dict[str, object]]) -> str:
    """One export of one service."""
    attributes = [{"key": "service.name", "value": {"stringValue": service}}]
    resource = {"resource": {"attributes": attributes}, "scopeSpans": [{"spans": spans}]}
    return json.dumps({"resourceSpans": [resource]})


def test_otlp_joins_spans_across_batches_and_names_uninstrumented_peers(tmp_path: Path) -> None:
    """The child may come before its parent; a client span that nobody answers names a database itself."""
    peer = [{"key": "service.peer.name", "value": {"stringValue": "ledger"}}]
    client = {"traceId": "t", "spanId": "2", "parentSpanId": "1", "kind": 3, "attributes": peer}
    lines = [
        otlp_line("bank", [{"traceId": "t", "spanId": "9", "parentSpanId": "1", "kind": 2}]),
        "not json",
        otlp_line("shop", [{"traceId": "t", "spanId": "1", "kind": "SPAN_KIND_SERVER"}, client]),
    ]
    of = reading(tmp_path, "spans.jsonl", "\n".join(lines))
    assert edges(of) == {("shop", "bank"): (None, "1 call"), ("shop", "ledger"): (None, "1 call")}
    assert of.warnings == [f"{tmp_path}/spans.jsonl:2: a line that is no JSON"]
    whole = json.dumps(json.loads(lines[2]), indent=1)
    assert edges(reading(tmp_path, "one.json", whole)) == {("shop", "ledger"): (None, "1 call")}


def test_spans_beyond_the_window_are_counted_not_guessed() -> None:
    """With room for four spans, a parent that was forgotten makes its child a lost one."""
    folding = Folding(waiting_max=4)
    for number in range(10):
        folding.take(Span(b"%d" % number, b"", f"s{number}", 0, False, False, ""))
    folding.take(Span(b"child", b"0", "late", 0, False, False, ""))
    folding.take(Span(b"near", b"9", "soon", 0, False, False, ""))
    folding.close()
    assert (set(folding.calls), folding.lost) == ({("s9", "soon")}, 1)


def test_service_graph_metrics(tmp_path: Path) -> None:
    """Requests by client and server; a messaging system makes it soft; a file without them is refused."""
    text = (
        'traces_service_graph_request_total{client="a",server="b"} 5\n'
        'traces_service_graph_request_total{client="a",server="q",connection_type="messaging_system"} 9\n'
        'traces_service_graph_request_total{client="",server="b"} 5\n'
    )
    of = reading(tmp_path, "m.prom", text)
    assert edges(of) == {("a", "b"): (None, "5 calls"), ("a", "q"): (False, "9 calls, 9 by message")}
    assert len(of.warnings) == 1
    with pytest.raises(Unreadable, match="connector switched on"):
        reading(tmp_path, "n.prom", "up 1\n", "service-graph")


def test_holdfasts_own_configuration_shows_what_its_automation_needs() -> None:
    """The quickstart: names fall with all four targets, and with the zone's server."""
    of = Answers(merge([read("examples/quickstart.toml")]))
    assert "api.quickstart.test" in of.blast("server 127.0.0.1:5335")
    assert of.falls([f"api.quickstart.test/{t}" for t in ("left-1", "left-2", "right-1")]) == []
    assert "api.quickstart.test" in of.falls(
        [f"api.quickstart.test/{t}" for t in ("left-1", "left-2", "right-1", "right-2")]
    )


def scope_text(scope: str, server: str) -> str:
    """The quickstart as another scope, with a name server that is found by a name."""
    text = Path("examples/quickstart.toml").read_text().replace("quickstart", scope)
    text = text.replace('provider = "embedded"', 'provider = "bind"\nkey_name = "k"\nkey_env = "K"')
    return text.replace('server = "127.0.0.1:5335"', f'server = "{server}:53"')


def test_two_scopes_that_find_their_servers_by_each_others_names_are_told(tmp_path: Path) -> None:
    """`check` sees such a circle in one file; the map sees it across files."""
    one = reading(tmp_path, "one.toml", scope_text("one", "api.two.test"))
    two = reading(tmp_path, "two.toml", scope_text("two", "api.one.test"))
    found = Answers(merge([one, two])).report().findings
    kept = {(f.about, f.because) for f in found if f.kind is Kind.OWN_NAME}
    assert ("api.one.test", ("holdfast one",)) in kept
    assert ("api.two.test", ("holdfast two",)) in kept


def test_a_saved_map_reads_back_as_the_same_map(tmp_path: Path) -> None:
    """Services, needs, strengths and groups survive; so a saved map can be compared and merged."""
    before = merge([reading(tmp_path, "map.toml", OWN), reading(tmp_path, "compose.yml", COMPOSE)])
    (tmp_path / "saved.json").write_bytes(to_saved(before))
    after = merge([read(str(tmp_path / "saved.json"))])
    assert [(s.name, s.weight, s.plane, s.code) for s in after.services] == [
        (s.name, s.weight, s.plane, s.code) for s in before.services
    ]
    assert [_plain(need) for need in after.needs] == [_plain(need) for need in before.needs]


def _plain(need: Need) -> tuple[object, ...]:
    return (need.of, need.on, need.at_least, need.hard, need.phase, need.group)


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("x.bin", "\x00\x01", "of no kind"),
        ("x.json", "{}", "JSON of no known kind"),
        ("x.json", '{"resourceSpans": [', "no complete JSON"),
        ("x.yml", "services: [", "is no YAML"),
        ("x.yml", "a: 1", "has no services"),
        ("x.toml", "scope = 1", "is refused"),
        ("x.toml", "a = ", "is refused"),
        ("x.json", '{"format": "holdfast-map/1", "map": {"services": 1}}', "is no saved map"),
    ],
)
def test_what_is_no_source_is_refused_by_name(tmp_path: Path, name: str, content: str, what: str) -> None:
    """Each says what is wrong and where."""
    with pytest.raises(Unreadable, match=what):
        reading(tmp_path, name, content)


def test_a_missing_file_and_an_unknown_kind_are_told(tmp_path: Path) -> None:
    """With what would be right."""
    with pytest.raises(Unreadable, match="cannot be read: No such file"):
        read(str(tmp_path / "none.csv"))
    with pytest.raises(Unreadable, match="known: map, holdfast, csv"):
        read("traces:x")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(KINDS), data=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_make_a_reader_raise_anything_else(tmp_path: Path, kind: str, data: bytes) -> None:
    """A fuzzed file is read, or refused as `Unreadable`, whatever kind it is said to be."""
    file = tmp_path / "fuzzed"
    file.write_bytes(data)
    try:
        of = merge([read(f"{kind}:{file}")])
    except Unreadable:
        return
    assert isinstance(of, Map)


_LEAF = st.none() | st.booleans() | st.integers() | st.text(max_size=6)
KNOWN_KEYS = """
    services data spans processes resourceSpans scopeSpans spanId parentSpanId traceID spanID processID references
    kind metadata name spec dependsOn depends_on parent child callCount serviceName attributes resource environment
    status startTime tags
"""
_KEYS = st.sampled_from(KNOWN_KEYS.split())
_TREES = st.recursive(_LEAF, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=5))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["otlp", "jaeger", "jaeger-dependencies", "saved", "compose", "backstage"]), tree=_TREES
)
def test_no_tree_of_known_keys_makes_a_reader_raise_anything_else(tmp_path: Path, kind: str, tree: object) -> None:
    """Well-formed JSON with the right keys in wrong places and of wrong types, which is YAML as well."""
    file = tmp_path / "tree"
    file.write_text(json.dumps(tree))
    try:
        of = merge([read(f"{kind}:{file}")])
    except Unreadable:
        return
    assert isinstance(of, Map)
