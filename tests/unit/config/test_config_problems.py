"""Everything wrong with a file is said at once: where, what, and what would be right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.config.loading import load, read_text
from holdfast.config.problems import Problem, Severity, has_errors, render, to_json
from holdfast.config.settings import Loaded, Rejected
from holdfast.config.source import Source, read_source

GOOD = """\
format = 1
scope = "s"
allowed_prefixes = ["192.0.2.0/24", "2001:db8::/32"]
[[zone]]
name = "example.org"
provider = "embedded"
[[group]]
name = "web"
target = [{ name = "a", ipv4 = "192.0.2.1", port = 80 }, { name = "b", ipv4 = "192.0.2.2", port = 80 }]
[[endpoint]]
name = "www.example.org"
group = "web"
"""


def _problems(text: str) -> tuple[Problem, ...]:
    return read_text(text, "f.toml").problems


def _one(text: str) -> Problem:
    (problem,) = _problems(text)
    return problem


def _with(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def test_good_text_has_no_problem() -> None:
    """The text that the cases below vary is good."""
    assert isinstance(read_text(GOOD, "f.toml"), Loaded)
    assert _problems(GOOD) == ()


ERRORS = [
    ("unknown key", "format = 1", "format = 1\nmod = 1", "mod = 1", "unknown key `mod`", "`mode`"),
    ("format", "format = 1", "format = 2", "2", "reads format 1", "upgrade holdfast"),
    ("format word", "format = 1", 'format = "1"', '"1"', "reads format 1", "write format = 1"),
    ("scope grammar", 'scope = "s"', 'scope = "a.b"', '"a.b"', "no scope", "one DNS label"),
    ("prefix", '"192.0.2.0/24"', '"192.0.2.1/24"', '"192.0.2.1/24"', "no CIDR prefix", "no host bits"),
    (
        "outside prefix",
        "192.0.2.2",
        "198.51.100.2",
        '"198.51.100.2"',
        "in none of allowed_prefixes",
        "correct the address",
    ),
    ("provider", '"embedded"', '"knott"', '"knott"', "`provider` is 'knott'", "`knot`"),
    ("no key", '"embedded"', '"bind"\nserver = "192.0.2.53"\nkey_name = "k"', "zone]]", "no TSIG key", "key_file"),
    (
        "not in zone",
        "www.example.org",
        "www.example.net",
        '"www.example.net"',
        "in none of the zones",
        "example.org",
    ),
    (
        "suffix only",
        "www.example.org",
        "wwwexample.org",
        '"wwwexample.org"',
        "in none of the zones",
        "example.org",
    ),
    ("fence", "www.example.org", "_holdfast-s.example.org", '"_holdfast-s', "kept for the fence", "_holdfast-"),
    ("wildcard", "www.example.org", "*.example.org", '"*.example', "is a wildcard", "each endpoint"),
    ("unknown group", 'group = "web"', 'group = "wbe"', '"wbe"', "no group `wbe`", "did you mean `web`"),
    ("no targets", 'group = "web"', "ttl = 5", "endpoint]]", "has no targets", "[[endpoint.target]]"),
    (
        "duplicate address",
        "192.0.2.2",
        "192.0.2.1",
        '"192.0.2.1", port = 80 }]',
        "address of target `a` too",
        "once",
    ),
    (
        "duplicate target",
        'name = "b"',
        'name = "a"',
        '"a", ipv4 = "192.0.2.2"',
        "target `a` is in `web`",
        "rename",
    ),
    ("port", "port = 80 }, ", "port = 65536 }, ", "65536", "`port` is 65536", "1 to 65535"),
    ("weight", "port = 80 }]", "port = 80, weight = -1 }]", "-1", "`weight` is -1", "0 to 65535"),
    ("bad address", '"192.0.2.1"', '"192.0.2.300"', '"192.0.2.300"', "no IPv4 address", "192.0.2.10"),
    ("no address", 'ipv4 = "192.0.2.1", ', "", '{ name = "a"', "without an address", "add ipv4 or ipv6"),
    ("ttl type", 'group = "web"', 'group = "web"\nttl = true', "true", "`ttl` is true", "whole number"),
    (
        "table type",
        'group = "web"',
        'group = "web"\n[limits]\nquorum = 4',
        "4",
        "quorum of 4 with 3",
        "at most 3",
    ),
    ("duration", 'group = "web"', 'group = "web"\n[limits]\nwindow = 0', "0", "`window` is 0", "above 0"),
    ("not a table", "format = 1", "format = 1\nlimits = 3", "3", "`limits` is 3", "[limits]"),
    (
        "own need",
        '"embedded"',
        '"knot"\nserver = "www.example.org:53"\nkey_name="k"\nkey_env="K"',
        '"www.example.org:53"',
        "needed by it",
        "address",
    ),
]


@pytest.mark.parametrize(("old", "new", "at", "text", "fix"), [e[1:] for e in ERRORS], ids=[e[0] for e in ERRORS])
def test_error_says_where_what_and_what_would_be_right(old: str, new: str, at: str, text: str, fix: str) -> None:
    """Each fault alone gives one error, at its place, with a fix."""
    errors = [p for p in _problems(_with(old, new)) if p.severity is Severity.ERROR]
    assert len(errors) == 1, errors
    assert text in errors[0].text
    assert fix in errors[0].fix
    line = _with(old, new).splitlines()[errors[0].line - 1]
    assert line[errors[0].column - 1 :].startswith(at)


WARNINGS = [
    ("ttl", 'group = "web"', 'group = "web"\nttl = 300', "clients keep a dead address for up to 300 s"),
    (
        "negative ttl",
        '"embedded"',
        '"embedded"\nnegative_ttl = 900',
        "remembered for 900 s, longer than a good one (30 s)",
    ),
    ("prefixes", 'allowed_prefixes = ["192.0.2.0/24", "2001:db8::/32"]\n', "", "no allowed_prefixes"),
    ("families", "port = 80 }]", 'port = 80, ipv6 = "2001:db8::1" }]', "target `a` has no ipv6"),
    (
        "unused",
        "[[endpoint]]",
        '[[group]]\nname = "u"\ntarget = [{name="a", ipv4="192.0.2.9", port=1}]\n[[endpoint]]',
        "no endpoint uses",
    ),
    (
        "nested",
        "[[group]]",
        '[[zone]]\nname = "sub.example.org"\nprovider = "embedded"\n[[group]]',
        "lies inside zone",
    ),
    (
        "weightless",
        '"embedded"',
        '"bind"\nserver="192.0.2.53"\nkey_name="k"\nkey_env="K"\n[[group]]\nname="w"\n'
        'target=[{name="a", ipv4="192.0.2.8", port=1}, {name="b", ipv4="192.0.2.9", port=1, weight=7}]\n'
        '[[endpoint]]\nname="w.example.org"\ngroup="w"',
        "weights differ, but the provider of example.org has none",
    ),
]


@pytest.mark.parametrize(("old", "new", "text"), [w[1:] for w in WARNINGS], ids=[w[0] for w in WARNINGS])
def test_warning_is_said_and_the_file_taken(old: str, new: str, text: str) -> None:
    """What will only surprise is a warning; the file is good."""
    loaded = read_text(_with(old, new), "f.toml")
    assert isinstance(loaded, Loaded), loaded.problems
    (warning,) = loaded.problems
    assert warning.severity is Severity.WARNING
    assert text in warning.text


def test_duplicates_name_the_first_place() -> None:
    """A name declared twice is told with the line of the first."""
    twice = (
        f'{GOOD}[[endpoint]]\nname = "WWW.example.org."\ngroup = "web"\n'
        '[[zone]]\nname = "Example.ORG"\nprovider = "embedded"\n'
    )
    said = [p.text for p in _problems(twice)]
    assert "endpoint `www.example.org` is declared on line 10 already" in said
    assert "zone `example.org` is declared on line 4 already" in said


def test_a_lease_service_alone_needs_no_name() -> None:
    """A file with nothing but a lease service is good as it is."""
    assert not _problems('format = 1\nscope = "s"\n[leases]\n')


def test_all_errors_at_once() -> None:
    """One pass finds every fault, in the order of the file."""
    text = (
        _with('scope = "s"', 'scope = "S S"')
        .replace("port = 80", "prt = 80")
        .replace('group = "web"', "group = 3")
    )
    problems = [p for p in _problems(text) if p.severity is Severity.ERROR]
    assert [p.key for p in problems if p.text.startswith("unknown")] == [
        "group[0].target[0].prt",
        "group[0].target[1].prt",
    ]
    assert any(p.key == "scope" for p in problems)
    assert any(p.key == "endpoint[0].group" for p in problems)
    assert problems == sorted(problems, key=lambda p: (p.line, p.column))


def test_several_syntax_errors_are_all_placed() -> None:
    """Text that is no TOML is told at each place, with a guess at what was meant."""
    rejected = read_text('scope = abc\nmode = "observe"\n[zone\nname = 1\n', "f.toml")
    assert isinstance(rejected, Rejected)
    assert rejected.problems[0].line == 1
    assert "quotes" in rejected.problems[0].fix
    assert {1, 3} <= {p.line for p in rejected.problems}
    assert "with `=`" in _problems('mode: "observe"')[0].fix


def test_rendering_puts_a_caret_under_the_place() -> None:
    """The source line stands below the message, and the caret below the value."""
    text = _with('"embedded"', '"ebedded"')
    shown = render(_problems(text), text).splitlines()
    assert shown[0] == "f.toml:6:12: error: `provider` is 'ebedded'"
    assert shown[2].endswith('provider = "ebedded"')
    assert shown[3].index("^") == shown[2].index('"ebedded"')
    assert "did you mean `embedded`" in shown[4]


def test_a_secret_in_the_wrong_place_is_not_shown() -> None:
    """Problems go to logs, so the line of a key that looks like a secret is left out."""
    text = _with('"embedded"', '"embedded"\nsecret = "hunter2"')
    problems = _problems(text)
    assert has_errors(problems)
    assert "hunter2" not in render(problems, text) + to_json(problems)


def test_json_form() -> None:
    """Programs get counts and the same problems."""
    report = json.loads(to_json(_problems(_with("port = 80 }, ", "port = 0 }, "))))
    assert (report["errors"], report["warnings"]) == (1, 0)
    assert report["problems"][0]["line"] == 9


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, a directory and bytes that are no text are problems, not tracebacks."""
    folder = tmp_path
    (folder / "latin.toml").write_bytes(b'scope = "s"\nname = "\xe9"\n')
    for path in (folder / "none.toml", folder, folder / "latin.toml", "a\0b"):
        rejected = load(path)
        assert isinstance(rejected, Rejected)
        assert rejected.problems[0].text
    assert load(folder / "latin.toml").problems[0].line == 2


_PIECES = st.sampled_from(
    [
        *GOOD.splitlines(keepends=True),
        "[",
        "]",
        "=",
        '"',
        "{",
        "}",
        "\n",
        "[[zone]]\n",
        "[service]\n",
        "x = 1e999\n",
        "enactors = []\n",
        "target = [1]\n",
        "format = 1979-05-27\n",
        "0x" + "f" * 5000,
        "[limits]\n",
        "quorum = nan\n",
        "enactors = [1]\n",
        'zone = "a"\n',
        "'''",
        "\\u00e9",
        "é = 1\n",
        "[zone.x]\n",
        'server = "[::1"\n',
        "\0",
        "\r",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.lists(_PIECES, max_size=25).map("".join)))
def test_no_text_is_a_traceback(text: str) -> None:
    """Any text is loaded or refused with problems that lie in it and can be rendered."""
    result = read_text(text, "f.toml")
    lines = text.split("\n")
    for problem in result.problems:
        assert 1 <= problem.line <= len(lines)
        assert problem.column >= 1
    assert isinstance(result, Loaded) or has_errors(result.problems)
    render(result.problems, text)
    json.loads(to_json(result.problems))


_VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=5,
)


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value)


_KEYS = ("format", "scope", "mode", "zone", "group", "endpoint", "prober", "limits", "service", "allowed_prefixes")


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(_KEYS), _VALUES, max_size=4), st.sampled_from(GOOD.splitlines()[:8]))
def test_no_value_is_a_traceback(document: dict[str, object], line: str) -> None:
    """A value of any type under any known key is refused in words."""
    text = "".join(f"{key} = {_toml(value)}\n" for key, value in document.items()) + line
    result = read_text(text, "f.toml")
    assert isinstance(result, (Loaded, Rejected))


@settings(max_examples=200, deadline=None)
@given(st.lists(_PIECES, max_size=25).map("".join))
def test_every_value_of_a_readable_text_has_a_place(text: str) -> None:
    """tomllib and tree-sitter agree: each key that the one reads the other can point to."""
    source = read_source(text, "f.toml")
    if not isinstance(source, Source):
        return
    pending: list[tuple[tuple[str | int, ...], object]] = [((key,), v) for key, v in source.document.items()]
    while pending:
        path, value = pending.pop()
        assert path in source.places.keys
        if isinstance(value, dict):
            pending.extend(((*path, key), inner) for key, inner in value.items())
        elif isinstance(value, list):
            pending.extend(((*path, index), inner) for index, inner in enumerate(value))
