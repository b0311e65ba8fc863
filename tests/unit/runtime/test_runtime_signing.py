"""Signatures of plans: nothing that decides can be changed, swapped, borrowed or left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from holdfast.access.private_file import read_private
from holdfast.cli.main import cli
from holdfast.model.codec import Unreadable, decode, encode, head_hash, intact, seal, section_ref
from holdfast.model.identity import Identity
from holdfast.model.plan import (
    Charge,
    ExplicitAct,
    Inputs,
    ObserverRevision,
    Plan,
    PlanHead,
    Reason,
    Section,
    Signature,
)
from holdfast.model.records import NameRecords, Weighted
from holdfast.ports.signing import signed
from holdfast.runtime.signing import BadKey, Believer, Signer, load_believer, load_public, load_signer, new_key

SECTIONS = tuple(
    Section((NameRecords(f"{name}.z.test", "z.test", 30, (Weighted("10.0.0.1", 100),), (), "web"),))
    for name in ("a", "b", "c")
)


def head(**more: Any) -> PlanHead:
    """A head in which no field is at its default."""
    given_ = {
        "scope": "s",
        "incarnation": 2,
        "generation": 7,
        "parent": Identity(2, 6, "f" * 32),
        "zones": ("z.test",),
        "inputs": Inputs(3, 4, (ObserverRevision("a", 5),)),
        "sections": tuple(section_ref(s) for s in SECTIONS),
        "ledger": (Charge(6, "z.test", "left", 100),),
        "explicit": (ExplicitAct("drain", "web/t1", "work"),),
        "reasons": (Reason("verdict", "web/t1", "down"),),
        "planner": "p1",
        "rollback_of": 5,
        **more,
    }
    return PlanHead(**given_)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Signer, Believer, Signer]:
    """Our signer, who believes it, and a stranger; made by the command and read from its files."""
    directory = tmp_path_factory.mktemp("keys")
    for name in ("ours", "theirs"):
        made = CliRunner().invoke(cli, ["keys", "new", str(directory / name)], catch_exceptions=False)
        assert made.exit_code == 0
        assert "PRIVATE" not in made.output
    return (
        load_signer(directory / "ours"),
        load_believer([directory / "ours.pub"]),
        load_signer(directory / "theirs"),
    )


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all leaves of a JSON document."""
    if isinstance(value, dict):
        return [found for key, one in value.items() for found in leaves(one, (*path, key))]
    if isinstance(value, list) and value:
        return [found for index, one in enumerate(value) for found in leaves(one, (*path, index))]
    return [path]


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with another leaf."""
    copy = msgspec.json.decode(msgspec.json.encode(document))
    at = copy
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return copy


HEAD_JSON = msgspec.json.decode(encode(head()))
PATHS = leaves(HEAD_JSON)
OTHER = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**40), 2**40), st.text(max_size=40), st.lists(st.text(max_size=3))
)


def test_a_plan_without_keys_has_the_bytes_that_it_always_had() -> None:
    """Signing changes neither identity nor hash: plans of before and after can stand side by side."""
    assert "signature" not in HEAD_JSON
    plan = seal(head(), SECTIONS)
    marked = signed(plan, Signer(load_key()))
    assert marked.identity == plan.identity
    assert intact(marked)
    assert head_hash(marked.head) == head_hash(plan.head)
    assert decode(encode(marked.head), PlanHead) == marked.head


def load_key() -> Any:
    """A private key."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return load_pem_private_key(new_key()[0], password=None)


def test_its_own_planner_is_believed_and_nobody_else(keys: tuple[Signer, Believer, Signer]) -> None:
    """Ours; not a stranger's, not one without signature, not a stranger's under our key's id."""
    ours, believer, theirs = keys
    plan = seal(head(), SECTIONS)
    assert believer.refusal(signed(plan, ours).head) == ""
    assert "it is not signed" in believer.refusal(plan.head)
    foreign = signed(plan, theirs).head
    assert f"{theirs.key!r}, which is none of those believed here ({ours.key})" in believer.refusal(foreign)
    assert isinstance(foreign.signature, Signature)
    borrowed = msgspec.structs.replace(foreign, signature=Signature(ours.key, foreign.signature.value))
    assert "does not hold" in believer.refusal(borrowed)


def test_every_field_of_the_head_is_among_the_leaves() -> None:
    """A field that is added later is tampered with below by itself: the head above must give it a value."""
    fields = {f.name: f.default for f in msgspec.structs.fields(PlanHead)}
    assert {path[0] for path in PATHS} == fields.keys() - {"signature"}
    assert all(
        getattr(head(), name) != default for name, default in fields.items() if name not in ("format", "signature")
    )


@given(path=st.sampled_from(PATHS), other=OTHER)
def test_no_leaf_of_a_signed_head_can_be_another(
    keys: tuple[Signer, Believer, Signer], path: tuple[Any, ...], other: Any
) -> None:
    """Whatever is put in whichever place, identity recomputed or not: it is unreadable, the same, or refused."""
    ours, believer, _ = keys
    document = msgspec.json.decode(encode(signed(seal(head(), SECTIONS), ours).head))
    try:
        forged = decode(msgspec.json.encode(changed(document, path, other)), PlanHead)
    except Unreadable:
        return
    assert forged == signed(seal(head(), SECTIONS), ours).head or believer.refusal(forged)


@given(bit=st.integers(0, 64 * 8 - 1))
def test_no_bit_of_a_signature_can_be_another(keys: tuple[Signer, Believer, Signer], bit: int) -> None:
    """Nor can it be shorter or longer."""
    ours, believer, _ = keys
    made = signed(seal(head(), SECTIONS), ours).head
    assert isinstance(made.signature, Signature)
    value = bytearray(made.signature.value)
    value[bit // 8] ^= 1 << bit % 8
    for wrong in (bytes(value), made.signature.value[: bit // 8], made.signature.value + b"\0", b""):
        forged = msgspec.structs.replace(made, signature=Signature(ours.key, wrong))
        assert believer.refusal(forged)


@given(order=st.permutations(range(3)), repeated=st.integers(0, 2))
def test_a_chunk_that_is_not_its_own_is_refused_by_its_digest_and_a_head_made_to_fit_by_its_signature(
    keys: tuple[Signer, Believer, Signer], order: list[int], repeated: int
) -> None:
    """Chunks swapped or repeated: with the signed head the digests do not hold; with new digests the signature."""
    ours, believer, _ = keys
    plan = signed(seal(head(), SECTIONS), ours)
    for sections in (tuple(SECTIONS[i] for i in order), (*SECTIONS[:2], SECTIONS[repeated])):
        if sections == SECTIONS:
            continue
        assert not intact(Plan(plan.identity, plan.head, sections))
        fitted = msgspec.structs.replace(plan.head, sections=tuple(section_ref(s) for s in sections))
        assert intact(seal(fitted, sections))
        assert "does not hold" in believer.refusal(fitted)


@given(generation=st.integers(1, 2**40), scope=st.sampled_from(("s", "t")))
def test_a_signature_of_another_plan_is_worth_nothing(
    keys: tuple[Signer, Believer, Signer], generation: int, scope: str
) -> None:
    """Taken from an older plan, or from another scope's with the same key."""
    ours, believer, _ = keys
    plan, other = seal(head(), SECTIONS), seal(head(generation=generation, scope=scope), SECTIONS)
    borrowed = msgspec.structs.replace(plan.head, signature=ours.sign(other.head))
    assert bool(believer.refusal(borrowed)) is (other != plan)


def test_keys_are_rotated_by_believing_both_for_a_while(
    keys: tuple[Signer, Believer, Signer], tmp_path: Path
) -> None:
    """Two public keys: plans of either are believed; the old one taken away, its plans are not."""
    secret, public, _ = new_key()
    for name, data in (("new", secret), ("new.pub", public)):
        (tmp_path / name).write_bytes(data)
        (tmp_path / name).chmod(0o600)
    new = load_signer(tmp_path / "new")
    ours, old_only, _ = keys
    both = Believer([load_public(tmp_path / "new.pub"), *old_only._by_id.values()])
    plan = seal(head(), SECTIONS)
    assert both.refusal(signed(plan, ours).head) == both.refusal(signed(plan, new).head) == ""
    assert old_only.refusal(signed(plan, new).head)


def test_what_is_no_key_is_refused_and_never_shown(tmp_path: Path) -> None:
    """A private key open to others, a public one that others may change, the wrong half, none at all."""
    secret, public, _ = new_key()
    path = tmp_path / "k"
    path.write_bytes(secret)
    path.chmod(0o640)
    with pytest.raises(BadKey, match=f"chmod 600 {path}"):
        load_signer(path)
    path.chmod(0o600)
    with pytest.raises(BadKey, match="no public key"):
        load_public(path)
    path.write_bytes(public)
    with pytest.raises(BadKey, match="no private key") as refused:
        load_signer(path)
    assert public.decode() not in str(refused.value)
    path.chmod(0o664)
    with pytest.raises(BadKey, match=f"chmod go-w {path}"):
        load_public(path)
    with pytest.raises(BadKey, match="can't read"):
        load_public(tmp_path / "none")


def test_keys_are_written_private_and_never_replaced(tmp_path: Path) -> None:
    """`keys new` makes 0600 and 0644; a second time it refuses; `show` tells the same id of both halves."""
    file = tmp_path / "planner.key"
    made = CliRunner().invoke(cli, ["keys", "new", str(file), "--format", "json"], catch_exceptions=False)
    id_ = msgspec.json.decode(made.output)["id"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert Path(f"{file}.pub").stat().st_mode & 0o777 == 0o644
    before = read_private(file)
    again = CliRunner().invoke(cli, ["keys", "new", str(file)])
    assert again.exit_code == 3
    assert read_private(file) == before
    for half in (file, Path(f"{file}.pub")):
        shown = CliRunner().invoke(cli, ["keys", "show", str(half)])
        assert shown.output.startswith(id_)
    assert CliRunner().invoke(cli, ["keys", "show", str(tmp_path / "none")]).exit_code == 1
