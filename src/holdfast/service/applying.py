"""A file into the store, and what its machine remembers of it (R10): `apply`, and `up` at start and on change."""

from __future__ import annotations

from holdfast.config.apply import Applied, ApplyResult, Unchanged, apply
from holdfast.config.remembered import origin_of, recall, remember
from holdfast.ports.events import Event
from holdfast.service.scene import Scene


async def apply_file(
    scene: Scene, *, force: bool = False, remove_targets: tuple[str, ...] = (), actor: str = "apply"
) -> ApplyResult:
    """Apply the scene's file; remembers what it became and tells the event sink."""
    loaded = scene.loaded
    state = loaded.service.state
    result = await scene.ask(
        apply(
            scene.keys,
            loaded.configuration,
            origin=origin_of(loaded.path),
            last_applied=recall(state, loaded.path),
            force=force,
            remove_targets=remove_targets,
        )
    )
    if isinstance(result, (Applied, Unchanged)):
        warning = remember(state, loaded.path, result.last)
        if warning:
            scene.events.emit(Event(kind="config.refused", actor=actor, text=warning))
    if isinstance(result, Applied):
        changes = "; ".join(str(c) for c in result.changes) or "the first configuration of this store"
        text = f"revision {result.last.revision} from {loaded.path}: {changes}"
        scene.events.emit(Event(kind="config.applied", actor=actor, text=text))
    elif not isinstance(result, Unchanged):
        scene.events.emit(Event(kind="config.refused", actor=actor, text=explain(result)))
    return result


def explain(result: ApplyResult) -> str:
    """One sentence for people."""
    if isinstance(result, Applied):
        return f"applied as revision {result.last.revision}"
    if isinstance(result, Unchanged):
        return f"unchanged: the store has it as revision {result.last.revision}"
    return getattr(result, "text", "") or getattr(result, "reason", "") or str(result)
