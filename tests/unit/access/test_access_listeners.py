"""Whatever listens is in the table of docs/security.md: who may read there, who may write."""

from __future__ import annotations

import re
from pathlib import Path

import holdfast

PACKAGE = Path(holdfast.__file__).parent
DOCUMENT = Path(__file__).parents[3] / "docs" / "security.md"
LISTENS = re.compile(
    r"start_server\(|create_datagram_endpoint\(|uvicorn\.Server|make_server\(|HTTPServer\(|\.bind\(\(|\.listen\("
)
KNOWN = {
    "events/metrics_http.py": "`metrics_listen`",
    "nameserver/server.py": "`dns_listen`",
    "nameserver/sockets.py": "`dns_listen`",
    "nameserver/streams.py": "`dns_listen`",
    "service/demo/backends.py": "`demo up`",
    "service/listening.py": "`[leases] listen`",
}


def test_every_listener_is_known_and_in_the_table() -> None:
    """A new one has to be added here and there."""
    found = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if LISTENS.search(path.read_text(encoding="utf-8"))
    }
    assert found <= KNOWN.keys(), "a listener that docs/security.md does not show"
    rows = [line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    for row in KNOWN.values():
        assert any(line.startswith(f"| {row}") for line in rows), row
