"""`drain`, `undrain`, `rollback`, `resume`, `retire`, `release`: words of people that the planner obeys."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from holdfast.cli import exits
from holdfast.cli.common import fail, file_option, load_file, reason_option, run, who
from holdfast.documents.plans import read_head
from holdfast.documents.reading import Document
from holdfast.documents.words import Refusal, change_words
from holdfast.model.configuration import Configuration
from holdfast.model.directives import Directives
from holdfast.ports.events import Event
from holdfast.service import wording


def _speak(
    file: str | None,
    spoken: str,
    change: Callable[[Configuration, Directives], Directives | Refusal],
    *,
    generation: int | None = None,
) -> None:
    """Change the directives and report; `generation` must be in the store."""
    loaded = load_file(file)

    async def work() -> object:
        from holdfast.service.scene import open_scene
        from holdfast.service.views import stored_configuration

        async with open_scene(loaded, "command") as scene:
            if generation is not None and await scene.ask(read_head(scene.keys, generation)) is None:
                return Refusal(
                    f"the store has no generation {generation}; `holdfast history` lists what was planned"
                )
            configuration = await stored_configuration(scene)
            result = await scene.ask(change_words(scene.keys, lambda d: change(configuration, d)))
            if isinstance(result, Document):
                scene.events.emit(Event(kind="word.spoken", actor=who(), text=spoken))
            return result

    result = run(work())
    if isinstance(result, Document):
        click.echo(f"{spoken} (words revision {result.value.revision})")
    elif isinstance(result, Refusal):
        click.echo(f"holdfast: {result.text}", err=True)
        sys.exit(exits.REFUSED)
    else:
        fail(f"not said: {result}")


@click.command()
@click.argument("target")
@reason_option
@file_option
def drain(target: str, reason: str, file: str | None) -> None:
    """Take TARGET (group/name, or an address) out of every name, by word: no velocity limit, never the last one.

    \b
    Example:
      holdfast drain api/left-1 --reason "kernel upgrade"
    """
    _speak(file, f"drain {target}: {reason}", lambda c, d: wording.drain(c, d, target, who(), reason))


@click.command()
@click.argument("target")
@file_option
def undrain(target: str, file: str | None) -> None:
    """Bring a drained TARGET back: it serves again once it is healthy.

    \b
    Example:
      holdfast undrain api/left-1
    """
    _speak(file, f"undrain {target}", lambda c, d: wording.undrain(c, d, target))


@click.command()
@click.argument("generation", type=int)
@reason_option
@file_option
def rollback(generation: int, reason: str, file: str | None) -> None:
    """Serve the content of an older GENERATION, as a new one; the planner holds until `resume`.

    \b
    Example:
      holdfast rollback 41 --reason "42 sent everyone to the new pool"
    """
    said = f"rollback to {generation}: {reason}"
    _speak(file, said, lambda _, d: wording.rollback(d, generation, who(), reason), generation=generation)


@click.command()
@file_option
def resume(file: str | None) -> None:
    """End a rollback: the planner plans from the present again.

    \b
    Example:
      holdfast resume
    """
    _speak(file, "resume", lambda _, d: wording.resume(d))


@click.command()
@click.argument("name")
@reason_option
@file_option
def retire(name: str, reason: str, file: str | None) -> None:
    """Remove NAME's addresses from DNS. It must be gone from the file first: the only way a name becomes empty.

    \b
    Example:
      holdfast retire old.example.test --reason "service shut down"
    """
    _speak(file, f"retire {name}: {reason}", lambda c, d: wording.retire(c, d, name, who(), reason))


@click.command()
@click.argument("name")
@reason_option
@file_option
def release(name: str, reason: str, file: str | None) -> None:
    """Let go of NAME: no longer managed, its data stay in DNS as they are.

    \b
    Example:
      holdfast release www.example.test --reason "moves to another team"
    """
    _speak(file, f"release {name}: {reason}", lambda c, d: wording.release(c, d, name, who(), reason))
