"""A host that follows its configuration: the agent's loop over HTTP, a release directory and real commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from holdfast.client.delivery import ask
from holdfast.client.http import LeaseHttp, NotServed
from holdfast.model.delivery import Host, Result
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.release import AskNewer, Command, Ready
from holdfast.propagation.agent import config_loop
from holdfast.runtime.clock import ProcessClock
from holdfast.runtime.driver import Answers, drive
from holdfast.runtime.ports import register_clock
from holdfast.runtime.releases import Releases

WAIT_S = 30.0


class Following(msgspec.Struct, frozen=True):
    """What a host follows, and how."""

    url: str
    key: str
    host: Host
    directory: str
    validate: str = ""
    reload: str = ""
    ca_file: str = ""
    command_timeout_s: float = 60.0


def standing_text(of: Ready) -> str:
    """How far a host is, and what keeps it from more."""
    why = " ".join(of.why.split())
    return f"has generation {of.applied}, should have {of.desired}{why and f': {why}'}"


class Asker:
    """Answers `AskNewer` and `Ready`; `told` hears of each change of readiness, `trouble` of a service that does
    not answer, and, empty, of one that does again.
    """

    def __init__(self, service: LeaseHttp, told: Callable[[Ready], None], trouble: Callable[[str], None]) -> None:
        self._service = service
        self._told = told
        self._trouble = trouble
        self._last: Ready | None = None
        self._silent = ""

    async def ask_newer(self, op: AskNewer) -> Result | CouldNotAsk:
        """One long poll."""
        try:
            found = await ask(self._service, op.poll, timeout_s=WAIT_S)
        except NotServed as error:
            self._hears(str(error))
            return CouldNotAsk(str(error))
        self._hears("")
        return found

    def _hears(self, trouble: str) -> None:
        if trouble != self._silent:
            self._silent = trouble
            self._trouble(trouble)

    async def ready(self, op: Ready) -> None:
        """Pass it on when it is another one."""
        if op != self._last:
            self._last = op
            self._told(op)


def _unheard(_: str) -> None:
    """For who hears of the service's trouble elsewhere."""


async def follow_configuration(
    settings: Following, told: Callable[[Ready], None], trouble: Callable[[str], None] = _unheard
) -> None:
    """Keep a host's configuration at what is desired of it, until cancelled.

    Raises:
        Rejected: the address is none, or the CA file holds no certificates.
    """
    commands = {Command.VALIDATE: settings.validate, Command.RELOAD: settings.reload}
    async with LeaseHttp(settings.url, settings.key, ca_file=settings.ca_file) as service:
        answers = Answers()
        asker = Asker(service, told, trouble)
        answers.register(AskNewer, asker.ask_newer)
        answers.register(Ready, asker.ready)
        Releases(Path(settings.directory), commands, command_timeout_s=settings.command_timeout_s).register(
            answers
        )
        register_clock(answers, ProcessClock())
        await drive(config_loop(settings.host), answers)
