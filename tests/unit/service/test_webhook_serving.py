"""The webhook as a process serves it beyond loopback: TLS, a key made at first start, tokens; and bad files."""

from __future__ import annotations

import asyncio
import ssl
import stat
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry

from holdfast.config.loading import read_text
from holdfast.config.settings import Loaded, Rejected
from holdfast.service.applying import apply_file
from holdfast.service.scene import CannotOpen, open_scene
from holdfast.service.webhook.serving import run_webhook
from servers.ports import free_port
from servers.tls import make_tls
from visible import start_or_skip

FILE = """
scope = "k8s"
allowed_prefixes = ["192.0.2.0/24"]
[external_dns]
{lines}
[[zone]]
name = "k8s.test"
provider = "embedded"
"""


def loaded(directory: Path, *lines: str) -> Loaded | Rejected:
    """A file with these lines in its table."""
    return read_text(FILE.format(lines="\n".join(lines)), str(directory / "holdfast.toml"))


def good(directory: Path, *lines: str) -> Loaded:
    """The same, without errors."""
    found = loaded(directory, *lines)
    assert isinstance(found, Loaded), found
    return found


async def test_beyond_loopback_a_key_and_tls_are_needed(tmp_path: Path) -> None:
    """On all addresses: without the key 401, with it the contract; the key's file is private."""
    tls = start_or_skip(lambda: make_tls(tmp_path / "tls"))
    context = ssl.create_default_context(cafile=str(tls.ca))
    port = free_port()
    lines = (f'listen = "0.0.0.0:{port}"', 'status_listen = ""')
    cert = (f'tls_cert = "{tls.certificate}"', f'tls_key = "{tls.key}"')
    file = good(tmp_path, *lines, *cert)
    async with open_scene(file, "test") as scene:
        await apply_file(scene)
        serving = asyncio.create_task(run_webhook(scene, CollectorRegistry()))
        key = tmp_path / "holdfast-state" / "keys" / "external-dns.key"
        async with httpx.AsyncClient(base_url=f"https://127.0.0.1:{port}", verify=context) as http:
            while True:  # until it listens; a task that ended instead says why
                if serving.done():
                    await serving
                try:
                    refused = await http.get("/")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
            assert refused.status_code == 401
            shown = {"Authorization": f"Bearer {key.read_text().strip()}"}
            assert (await http.get("/", headers=shown)).json()["include"] == ["k8s.test"]
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving


async def test_address_that_is_taken_is_one_line(tmp_path: Path) -> None:
    """No traceback: the address, the reason, the table."""
    async with open_scene(good(tmp_path, f'listen = "192.0.2.1:{free_port()}"', *_tls(tmp_path)), "test") as scene:
        with pytest.raises(CannotOpen, match=r"can't listen on 192.0.2.1 .*\[external_dns\]"):
            await run_webhook(scene, CollectorRegistry())


def _tls(directory: Path) -> tuple[str, str]:
    tls = start_or_skip(lambda: make_tls(directory / "tls"))
    return f'tls_cert = "{tls.certificate}"', f'tls_key = "{tls.key}"'


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('listen = "0.0.0.0:8888"', "without TLS the key would cross the network readably"),
        ('listen = "nonsense"', "no address and port"),
        ('domains = ["example.org"]', "lies in none of the zones"),
        ('domains = ["*.k8s.test"]', "no DNS name"),
        ('check = { kind = "tcp" }', "needs a port"),
        ('txt_prefix = "a"\ntxt_suffix = "b"', "are both given"),
        ('tls_cert = "c.pem"', "tls_cert without tls_key"),
        ("delete_share = 2", "share from 0 to 1"),
        ('delete_afterwards = "1m"', "did you mean `delete_after`"),
    ],
)
def test_bad_tables_are_told_with_their_line(tmp_path: Path, line: str, said: str) -> None:
    """Each fault of the table is named where it stands."""
    found = loaded(tmp_path, line)
    assert isinstance(found, Rejected)
    assert any(said in problem.text + problem.fix and problem.line >= 4 for problem in found.problems), (
        found.problems
    )
