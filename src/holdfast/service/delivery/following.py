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


class Asker:
    """Answers `AskNewer` and `Ready`; `told` hears of each change of readiness."""

    def __init__(self, service: LeaseHttp, told: Callable[[Ready], None]) -> None:
        self._service = service
        self._told = told
        self._last: Ready | None = None

    async def ask_newer(self, op: AskNewer) -> Result | CouldNotAsk:
        """One long poll."""
        try:
            return await ask(self._service, op.poll, timeout_s=WAIT_S)
        except NotServed as error:
            return CouldNotAsk(str(error))

    async def ready(self, op: Ready) -> None:
        """Pass it on when it is another one."""
        if op != self._last:
            self._last = op
            self._told(op)


async def follow_configuration(settings: Following, told: Callable[[Ready], None]) -> None:
    """Keep a host's configuration at what is desired of it, until cancelled."""
    commands = {Command.VALIDATE: settings.validate, Command.RELOAD: settings.reload}
    async with LeaseHttp(settings.url, settings.key, ca_file=settings.ca_file) as service:
        answers = Answers()
        asker = Asker(service, told)
        answers.register(AskNewer, asker.ask_newer)
        answers.register(Ready, asker.ready)
        Releases(Path(settings.directory), commands, command_timeout_s=settings.command_timeout_s).register(
            answers
        )
        register_clock(answers, ProcessClock())
        await drive(config_loop(settings.host), answers)
