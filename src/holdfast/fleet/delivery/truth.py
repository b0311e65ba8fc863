"""What was published, generation by generation, and what a host should have of it, without its code."""

from __future__ import annotations

from holdfast.model.delivery import Document, Host


class Truth:
    """All documents ever written to the store, in order."""

    def __init__(self) -> None:
        self._versions: dict[str, dict[str, list[Document]]] = {}
        """By name and selector, the oldest first."""
        self._newest: dict[str, int] = {}
        """By selector."""
        self.generation = 0

    def wrote(self, document: Document) -> None:
        """A document was committed."""
        assert document.generation > self.generation, "generations only rise"
        self.generation = document.generation
        self._newest[document.selector] = document.generation
        self._versions.setdefault(document.name, {}).setdefault(document.selector, []).append(document)

    def files(self, host: Host, generation: int) -> dict[str, bytes]:
        """What the host has if it has exactly what was published up to this generation."""
        found: dict[str, bytes] = {}
        for name, by_selector in self._versions.items():
            for selector in host.selectors:
                content = _at(by_selector.get(selector, ()), generation)
                if content is not None:
                    found[name] = content
                    break
        return found

    def desired(self, host: Host) -> int:
        """The newest generation that means this host."""
        return max(self._newest.get(selector, 0) for selector in host.selectors)


def _at(versions: list[Document] | tuple[()], generation: int) -> bytes | None:
    for document in reversed(versions):
        if document.generation <= generation:
            return None if document.deleted else document.content
    return None
