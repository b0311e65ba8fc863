"""The agent's file: what is read, and that everything wrong with it is said with its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from holdfast.config.settings import Rejected
from holdfast.model.lease import Place
from holdfast.service.agent.file import AgentFile, load_agent

DOCUMENT = Path(__file__).parents[3] / "docs" / "leases.md"


def load(directory: Path, text: str) -> AgentFile | Rejected:
    """The text as a file."""
    path = directory / "agent.toml"
    path.write_text(text)
    return load_agent(str(path))


def test_the_documented_example_is_good(tmp_path: Path) -> None:
    """As it stands in docs/leases.md."""
    (example,) = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(), flags=re.DOTALL)
    found = load(tmp_path, example)
    assert isinstance(found, AgentFile), found
    assert (found.role, found.name) == ("api", "host-1")
    assert found.place == Place(8080, "192.0.2.10", "2001:db8::10", "berlin", 100)
    assert found.check is not None
    assert (found.drain.names, found.drain.dns) == (("www.shop.example",), "192.0.2.53:53")
    assert found.key_file == str(tmp_path / "leases.key")


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    """Each with its line."""
    found = load(
        tmp_path,
        'server = "lease.example"\nkey_file = "k"\n[target]\nrole = "API"\nname = "h1"\nipv4 = "no"\n'
        '[drain]\nnames = ["www.x.test"]\nlingr = "5s"\n',
    )
    assert isinstance(found, Rejected)
    said = {(problem.line, problem.key) for problem in found.problems}
    assert {(1, "server"), (4, "target.role"), (6, "target.ipv4"), (3, "target"), (9, "drain.lingr")} <= said
    assert any("drain needs both" in problem.text for problem in found.problems)


def test_a_missing_file_and_a_missing_target_are_one_line_each(tmp_path: Path) -> None:
    """No traceback, no follow-up noise."""
    missing = load_agent(str(tmp_path / "none.toml"))
    assert isinstance(missing, Rejected)
    bare = load(tmp_path, 'server = "http://h:1"\nkey_file = "k"\n')
    assert isinstance(bare, Rejected)
    assert [problem.text for problem in bare.problems] == ["no [target]"]


@pytest.mark.parametrize("url", ["http://[::1", "http://", "h:1", "http://h:99999", "ftp://h:1", "http://h:x"])
def test_an_address_that_leads_nowhere_is_told_before_anything_runs(tmp_path: Path, url: str) -> None:
    """Not only one that does not begin as an address."""
    found = load(tmp_path, f'server = "{url}"\nkey_file = "k"\n')
    assert isinstance(found, Rejected)
    assert f"`{url}` is no address of HTTP" in [problem.text for problem in found.problems]
