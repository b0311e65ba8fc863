"""A host's loop: ask, stage, validate, switch, reload, say how far it is.

    delivery newer than mine? -> stage beside -> validate -> switch -> reload -> ready
                 not newer: ignored       fails: refused, the old one stays
                                                        fails: switch back, reload the old one, refused

A refused generation is reported and not tried again: only a newer one is. The comparison with what is current is
made at the switch, by the one who writes, with others kept out: neither an answer that was delayed for hours nor
a process that stood still for as long can bring an old release back.

Two processes may be here: an old one that stood still, and its successor. What each compares is the *name* of the
release, never its generation: that one stays the same number when a host gets another role, and then the files are
others.

A host that dies between switch and reload begins by finishing that, and so does one whose other process died
there: else it would say that it is ready while its daemon runs what was before, or keep a release that its daemon
does not take.
"""

from __future__ import annotations

from holdfast.model.delivery import Current, Delivery, Host, Poll, TryLater, Version, ready
from holdfast.ports.clock import ATTEMPT_MAX, Arm, Disarm, Fired, Idle, Rest
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.release import (
    AskNewer,
    Command,
    CurrentRelease,
    Differs,
    Discard,
    Loaded,
    Ready,
    Release,
    Run,
    Stage,
    Switch,
)

_AGAIN = "ask-again"


class _Mine:
    """What this process remembers."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.refused = Version()
        """The newest that it refused."""
        self.why = ""
        """Why it refused that, or what else keeps it from applying what is desired."""
        self.loaded = ""
        """The release that it reloaded on: it may be that this could not be noted on disk."""
        self.anew = False
        """What is current is not what the service takes it for: it asks for everything."""

    def refuse(self, version: Version, why: str) -> None:
        """Not tried again."""
        self.refused, self.why = version, why

    def applied(self, current: Release) -> Version:
        """What to report. A release that was made for another role has nothing that this host can build upon."""
        return current.version if current.host == self.host and not self.anew else Version()

    def served(self, current: Release) -> bool:
        """Whether the daemon is known to run it. A release of an old version does not say."""
        return current.before is None or current.loaded or current.name == self.loaded

    def poll(self, current: Release, told: int) -> Poll:
        """What it asks with."""
        has, no = self.applied(current), self.refused
        return Poll(self.host, has.generation, no.generation, self.why, told, has.digest, no.digest)


async def config_loop(host: Host) -> None:
    """Keep a host's configuration at what is desired of it, for ever."""
    mine = _Mine(host)
    attempt = 0
    told = -1
    while True:
        current = await CurrentRelease()
        if not mine.served(current):
            if await _load(mine, current.name, current.version, current.before or ""):
                told = -1  # else the service would let it wait for what it can say at once: that it is ready
            current = await CurrentRelease()
        answer = await AskNewer(mine.poll(current, told))
        match answer:
            case Delivery():
                attempt, told = 0, answer.generation
                await _apply(mine, answer, current)
                await _say(mine, answer.version)
            case Current():
                attempt, told = 0, answer.generation
                await _say(mine, Version(answer.generation, answer.digest))
            case TryLater():
                attempt = 0
                if answer.desired:
                    await _say(mine, Version(answer.desired, answer.digest))
                await _wait(answer.after_s)
            case _:
                attempt, told = min(attempt + 1, ATTEMPT_MAX), -1  # a delivery may have been lost on its way
                await Idle(Rest.RETRY, attempt=attempt)


async def _say(mine: _Mine, desired: Version) -> None:
    """Ready or not, by what is current now: the answer took a while, and another process may have been here."""
    current = await CurrentRelease()
    has = mine.applied(current)
    others = bool(current.name) and current.host != mine.host
    is_ready = ready(has, desired) and mine.served(current) and not others
    if others and not desired.generation:
        # An empty release instead would take a daemon's files away for a misspelt role.
        mine.why = f"nothing is published for it, and what is current was made for {_who(current.host)}"
    if is_ready:
        mine.why = ""
    await Ready(ready=is_ready, applied=has.generation, desired=desired.generation, why=mine.why)


def _who(host: Host) -> str:
    words = [f"host {host.name}", host.role and f"role {host.role}", host.group and f"group {host.group}"]
    return ", ".join(word for word in words if word)


async def _wait(after_s: float) -> None:
    """Not before `after_s` from now."""
    if after_s <= 0:
        return
    await Arm(_AGAIN, after_s)
    while _AGAIN not in await Fired((_AGAIN,)):
        await Idle(Rest.POLL)
    await Disarm((_AGAIN,))


async def _load(mine: _Mine, release: str, version: Version, before: str) -> bool:
    """Reload on what was switched to; if the daemon does not take it, the one before comes back."""
    reloaded = await Run(Command.RELOAD, release)
    if isinstance(reloaded, CouldNotAsk):
        mine.why = reloaded.reason
        return False
    if reloaded.ok:
        mine.loaded = release
        await Loaded(release)
        return True
    mine.refuse(version, reloaded.output)
    if await Switch(before, over=release, undoes=True) is None and before:
        again = await Run(Command.RELOAD, before)
        if not isinstance(again, CouldNotAsk) and not again.ok:
            mine.why += f"; and the release before, which is current again: {again.output}"
    return False


def _as_new(current: Version, delivered: Version, *, anew: bool) -> bool:
    """Whether what is current is no older. What is laid out anew may be of the same generation."""
    return current.generation > delivered.generation or (not anew and ready(current, delivered))


async def _apply(mine: _Mine, delivery: Delivery, asked: Release) -> None:
    """Bring the host from what it asked with to a delivery's generation, or say why it stays as it is."""
    staged = await Stage(delivery, mine.host)
    if isinstance(staged, CouldNotAsk | Differs):
        mine.anew = mine.anew or isinstance(staged, Differs)
        mine.why = staged.reason
        return
    await _take(mine, staged.name, delivery, asked)
    await Discard()  # also what was not taken: a host that can't switch would fill its disk, try after try


async def _take(mine: _Mine, staged: str, delivery: Delivery, asked: Release) -> None:
    """From a release that lies beside to one that the daemon runs, or not."""
    checked = await Run(Command.VALIDATE, staged)
    before = await CurrentRelease()
    if isinstance(checked, CouldNotAsk):
        mine.why = checked.reason
        return
    if not checked.ok:
        mine.refuse(delivery.version, checked.output)
        return
    if before.host == mine.host and _as_new(before.version, delivery.version, anew=mine.anew):
        return  # somebody was quicker
    if not delivery.snapshot and before.name != asked.name:
        mine.why = f"another process made {before.name or 'nothing'} current; asking again"
        return  # what came is what changed since `asked`, and would be laid over something else
    if isinstance(failed := await Switch(staged, over=before.name), CouldNotAsk):
        mine.why = failed.reason
        return
    mine.anew = False
    if await _load(mine, staged, delivery.version, before.name):
        mine.why = ""
