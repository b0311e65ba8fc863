"""A scope on Route 53 as a person has it: `up`, doctor, freeze and `providers verify`, on the strict fake."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from holdfast.cli.main import cli
from holdfast.config.loading import load
from holdfast.config.settings import Loaded
from holdfast.events.record import Record
from holdfast.killswitch.freeze import Outcome, freeze
from holdfast.model.configuration import Answers, ProviderKind
from holdfast.model.freeze import Selector
from holdfast.service.route53.record import FILE, not_verified, read_record
from holdfast.service.scene import Scene
from holdfast.service.up import everything, play
from holdfast.service.views import status
from servers.process import ZoneSpec
from servers.route53 import ENVIRONMENT, Route53Running, Served, serving, start_route53, zone_id
from servers.route53_engine import Knobs
from visible import start_or_skip

ZONE = "r53.test"


def _file(directory: Path, endpoint: str, *, answers: str = "weighted", weight: int = 3) -> Path:
    """A scope with one name of two targets."""
    credentials = directory / "aws"
    credentials.touch(mode=0o600)
    lines = [f"{name.lower()} = {value}" for name, value in ENVIRONMENT.items()]
    credentials.write_text("\n".join(["[default]", *lines, ""]))
    file = directory / "holdfast.toml"
    file.write_text(f"""
format = 1
scope = "shop"
allowed_prefixes = ["192.0.2.0/24"]
[service]
state = "state"
metrics_listen = ""
[[zone]]
name = "{ZONE}"
[zone.provider]
kind = "route53"
zone_id = "{zone_id(ZONE)}"
answers = "{answers}"
credentials_file = "aws"
requests_per_s = 500
endpoint = "{endpoint}"
[[endpoint]]
name = "www.{ZONE}"
ttl = 10
[endpoint.check]
kind = "none"
[[endpoint.target]]
name = "one"
ipv4 = "192.0.2.1"
port = 80
weight = {weight}
[[endpoint.target]]
name = "two"
ipv4 = "192.0.2.2"
port = 80
weight = 1
""")
    return file


def _weights(served: Served) -> dict[str, int]:
    sets = served.engine.zones[zone_id(ZONE)].sets
    return {k[2]: s["Weight"] for k, s in sets.items() if k[0] == f"www.{ZONE}"}


def _where(secret: str, directory: Path, records: list[Record]) -> list[str]:
    """In which files and events it stands."""
    places = {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    places |= {f"event {record.kind}": record.text.encode() for record in records}
    return [where for where, data in places.items() if secret.encode() in data]


class Played:
    """`up` in this event loop; its events as they come."""

    def __init__(self, loaded: Loaded) -> None:
        self.records: list[Record] = []
        self._news = asyncio.Event()
        self.scene: Scene | None = None
        self.task = asyncio.create_task(
            play(loaded, everything(loaded), process="up", then=self._seen, ready=self._ready)
        )

    def _seen(self, record: Record) -> None:
        self.records.append(record)
        self._news.set()

    async def _ready(self, scene: Scene) -> None:
        self.scene = scene

    async def until(self, kind: str, count: int = 1) -> Record:
        """The event of a kind that comes as number `count`."""
        while True:
            found = [r for r in self.records if r.kind == kind]
            if len(found) >= count:
                return found[count - 1]
            self._news.clear()
            waiting = asyncio.create_task(self._news.wait())
            done, _ = await asyncio.wait({waiting, self.task}, timeout=60.0, return_when=asyncio.FIRST_COMPLETED)
            assert self.task not in done, self.task.exception()
            assert done, f"no {kind} among {[(r.kind, r.text) for r in self.records[-8:]]}"

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_up_keeps_a_name_on_route53_and_freezes_it(tmp_path: Path) -> None:
    """Three enactors, one fence; weighted sets; a freeze waits for INSYNC; the credentials stand nowhere else."""
    async with serving((ZONE,), Knobs(pending_s=0.3)) as served:
        loaded = load(_file(tmp_path, served.address))
        assert isinstance(loaded, Loaded), loaded.problems
        played = Played(loaded)
        try:
            assert "not verified" in (await played.until("provider.unverified")).text
            await played.until("zone.converged", 3)
            assert _weights(served) == {"192.0.2.1": 3, "192.0.2.2": 1}
            assert played.scene is not None
            order = freeze(
                "shop", played.scene.providers, actor="person", selector=Selector(), reason="test", by="me"
            )
            assert "not verified" in (await status(played.scene)).zones[0].note
            outcome = await played.scene.ask(order)
            assert isinstance(outcome, Outcome)
            assert outcome.complete, outcome.text
            assert served.engine.counts["GetChange"] > 1, "the freeze was asked for until it was at all servers"
            fences = [s for k, s in served.engine.zones[zone_id(ZONE)].sets.items() if k[1] == "TXT"]
            assert f"frz={outcome.id}" in fences[0]["ResourceRecords"][0]["Value"]
        finally:
            await played.end()
    crashed = [r for r in played.records if r.kind == "actor.crashed"]
    assert not crashed
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        found = _where(ENVIRONMENT[name], tmp_path, played.records)
        assert found == [str(tmp_path / "aws")], f"{name} stands in its own file and nowhere else"


@pytest.fixture
def fake() -> Iterator[Route53Running]:
    """The fake in a process of its own."""
    with start_or_skip(lambda: start_route53((ZoneSpec(ZONE),))) as running:
        assert isinstance(running, Route53Running)
        yield running


def _holdfast(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words), env=ENVIRONMENT)


def test_verify_tries_all_and_keeps_a_record(fake: Route53Running, tmp_path: Path) -> None:
    """Every step is told, the zone is left as it was, and from then on nothing is warned of."""
    file = _file(tmp_path, fake.endpoint)
    doubtful = _holdfast("doctor", "--route53", str(file))
    assert doubtful.exit_code == 0, doubtful.output
    assert "!   verified: not verified against the live service" in doubtful.output
    assert f"ok  zone: {ZONE}, served by" in doubtful.output
    words = ("providers", "verify", "route53", "--zone", zone_id(ZONE), "--endpoint", fake.endpoint)
    small = ("--requests-per-s", "900", "--generations", "1", "--name")
    done = _holdfast(*words, *small, f"scratch.{ZONE}", "-c", str(file))
    assert done.exit_code == 0, done.output
    for step in ("zone", "create", "raise", "stale", "atomic", "answers", "limit", "race", "insync", "swept"):
        assert f"ok   {step}: " in done.output
    for step in ("identical", "busy"):
        assert f"told {step}: " in done.output
    record = read_record(str(tmp_path / "state"))
    assert record is not None
    assert record.good
    assert record.endpoint == fake.endpoint
    assert "ok  verified:" in _holdfast("doctor", "--route53", str(file)).output
    assert ENVIRONMENT["AWS_SECRET_ACCESS_KEY"] not in (tmp_path / "state" / FILE).read_text()
    # The record of a fake is none of the public service, and a failed one is none at all.
    loaded = load(file)
    assert isinstance(loaded, Loaded)
    settings = loaded.configuration.zones[0].route53
    assert settings is not None
    public = msgspec.structs.replace(settings, endpoint="")
    assert "the record is of http" in not_verified(public, record)
    bad = msgspec.structs.replace(record.steps[1], good=False)
    assert "failed: create" in not_verified(settings, msgspec.structs.replace(record, steps=(bad,)))
    assert not_verified(settings, record) == ""


def test_verify_touches_nothing_that_is_in_use(fake: Route53Running, tmp_path: Path) -> None:
    """A name in use, another zone, no place for the record: one clear line, and nothing is tried."""
    words = ("providers", "verify", "route53", "--zone", zone_id(ZONE), "--endpoint", fake.endpoint)
    used = _holdfast(*words, "--name", ZONE, "--state", str(tmp_path))
    assert used.exit_code == 1
    assert "does not lie below" in used.output
    elsewhere = _holdfast(*words, "--name", "scratch.else.test", "--state", str(tmp_path))
    assert "does not lie below r53.test" in elsewhere.output
    assert "where shall the record be kept" in _holdfast(*words, "--name", f"s.{ZONE}").output
    unknown = ("providers", "verify", "route53", "--zone", "ZNONE", "--endpoint", fake.endpoint)
    assert "NoSuchHostedZone" in _holdfast(*unknown, "--name", f"s.{ZONE}", "--state", str(tmp_path)).output
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('kind = "route53"', 'kind = "route54"', "did you mean `route53`"),
        (f'zone_id = "{zone_id(ZONE)}"', 'zone_id = "example.com"', "is no id of a hosted zone"),
        (f'zone_id = "{zone_id(ZONE)}"', "", "`zone_id` is missing"),
        ('answers = "weighted"', 'answers = "geo"', "known here: multivalue, simple, weighted"),
        ("weight = 3", "weight = 300", "Route 53 takes weights up to 255"),
        ("requests_per_s = 500", "requests_per_s = 0", "a number of requests a second"),
        ('credentials_file = "aws"', 'credentials = "aws"', "unknown key `credentials`"),
        ("[zone.provider]\n", 'server = "192.0.2.53:53"\n[zone.provider]\n', "unknown key `server`"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    """Each key of the provider's table, with what would be right."""
    file = _file(tmp_path, "http://127.0.0.1:1")
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    refused = _holdfast("check", str(file))
    assert refused.exit_code == 65
    assert says in refused.output


def test_a_good_file_says_where_its_zones_are(tmp_path: Path) -> None:
    """The table, and the word alone, which lacks the zone's id."""
    file = _file(tmp_path, "http://127.0.0.1:1", answers="multivalue")
    loaded = load(file)
    assert isinstance(loaded, Loaded)
    zone = loaded.configuration.zones[0]
    assert (zone.provider, zone.timeout_s) == (ProviderKind.ROUTE53, 15.0)
    assert zone.route53 is not None
    assert zone.route53.answers is Answers.MULTIVALUE
    assert "route53, hosted zone" in _holdfast("check", str(file)).output
    text = file.read_text()
    start, end = text.index("[zone.provider]"), text.index("[[endpoint]]")
    file.write_text(f'{text[:start]}provider = "route53"\n{text[end:]}')
    assert 'provider = { kind = "route53", zone_id =' in _holdfast("check", str(file)).output
