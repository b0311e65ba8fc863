"""A TOML file to a checked configuration: `load` for people's files, `read_text` for text at hand."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Any

from holdfast.config import names
from holdfast.config.external_dns import read_policy, read_webhook
from holdfast.config.leases import read_leases, read_tls
from holdfast.config.paths import placed
from holdfast.config.problems import Problem, has_errors
from holdfast.config.rules import Draft, check_draft
from holdfast.config.sections import (
    DNS_LISTEN_DEFAULT,
    PROBERS_DEFAULT,
    PlacedEndpoint,
    read_endpoint,
    read_group,
    read_limits,
    read_prober,
    read_zone,
)
from holdfast.config.settings import ENACTORS_DEFAULT, Loaded, Rejected, ServiceSettings
from holdfast.config.source import Source, read_source
from holdfast.config.store_address import StoreSettings, read_store
from holdfast.config.tables import Notes, Table
from holdfast.model.configuration import Configuration, Limits, Mode, ProviderKind
from holdfast.model.fence import is_writer_id

FORMAT = 1
FILE_BYTES_MAX = 64 * 1024 * 1024
METRICS_LISTEN_DEFAULT = "127.0.0.1:9635"
ENACTORS_MAX = 26


def load(path: str | FilePath) -> Loaded | Rejected:
    """Read a file. Never raises for what the file is or holds."""
    text = read_file(path)
    return text if isinstance(text, Rejected) else read_text(text, str(path))


def read_file(path: str | FilePath) -> str | Rejected:
    """The text of a file of ours, of whatever kind."""
    shown = str(path)
    try:
        file = FilePath(path)
        if file.stat().st_size > FILE_BYTES_MAX:
            return _unreadable(shown, f"larger than {FILE_BYTES_MAX // 2**20} MiB", "is this the right file?")
        data = file.read_bytes()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return _unreadable(shown, f"cannot be read: {why}", "check the path and its permissions")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return _unreadable(shown, f"is not UTF-8 (byte {error.start})", "save the file as UTF-8", line)


def _unreadable(path: str, text: str, fix: str, line: int = 1) -> Rejected:
    return Rejected(path=path, text="", problems=(Problem(path, line, 1, "", text, fix),))


def read_text(text: str, path: str) -> Loaded | Rejected:
    """Read a text as if it stood at `path` (relative paths in it count from there)."""
    source = read_source(text, path)
    if not isinstance(source, Source):
        return Rejected(path=path, text=text, problems=source)
    notes = Notes(source)
    configuration, service = _read(source, notes)
    if has_errors(notes.problems):
        return Rejected(path=path, text=text, problems=notes.problems)
    return Loaded(
        path=path,
        text=text,
        configuration=configuration,
        service=service,
        places=source.places,
        problems=notes.problems,
    )


def _read(source: Source, notes: Notes) -> tuple[Configuration, ServiceSettings]:
    root = Table(notes, (), source.document)
    if not _format_known(root):
        # Only the version is said: everything else would be noise about keys of a format unknown here.
        return _nothing(), ServiceSettings(state="", store=StoreSettings())
    scope = root.text("scope", None, wanted="one label that names this configuration")
    if scope and names.scope(scope) is None:
        notes.value(("scope",), f"`{scope}` is no scope", "one DNS label of up to 53 of a-z, 0-9 and dash")
    mode = root.choice("mode", Mode, Mode.ENFORCE) or Mode.ENFORCE
    service_table = root.table("service") or Table(notes, ("service",), {})
    dns_listen = _listen(service_table, "dns_listen", _embedded_server(source.document) or DNS_LISTEN_DEFAULT)
    zones = tuple(read_zone(t, scope, dns_listen or DNS_LISTEN_DEFAULT) for t in root.tables("zone"))
    groups = [read_group(t) for t in root.tables("group")]
    endpoints: list[PlacedEndpoint] = []
    for table in root.tables("endpoint"):
        endpoint, own = read_endpoint(table)
        endpoints.append(endpoint)
        if own is not None:
            groups.append(own)
    probers = tuple(read_prober(t) for t in root.tables("prober"))
    limits = root.table("limits")
    external = root.table("external_dns")
    draft = Draft(
        scope=scope,
        mode=mode,
        zones=zones,
        groups=tuple(groups),
        endpoints=tuple(endpoints),
        probers=probers,
        allowed_prefixes=_prefixes(root),
        limits=read_limits(limits) if limits is not None else Limits(),
        external_dns=None if external is None else read_policy(external),
    )
    embedded = any(z.value.provider is ProviderKind.EMBEDDED for z in zones)
    service = _service(service_table, root.table("leases"), external, source.path, dns_listen if embedded else "")
    if external is not None:
        external.close()
    root.close()
    return check_draft(draft, service, notes, probers_default=PROBERS_DEFAULT), service


def _embedded_server(document: dict[str, Any]) -> str:
    """Where the embedded name server listens if nothing is said: where the first zone on it looks for it."""
    zones = document.get("zone")
    for zone in zones if isinstance(zones, list) else ():
        if isinstance(zone, dict) and zone.get("provider") == "embedded" and isinstance(zone.get("server"), str):
            host, _ = names.split_endpoint(zone["server"])
            if names.address(host, 4) or names.address(host, 6):
                return names.endpoint(zone["server"], 53) or ""
    return ""


def _nothing() -> Configuration:
    return Configuration(scope="", mode=Mode.OBSERVE, zones=(), groups=(), endpoints=(), probers=())


def _format_known(root: Table) -> bool:
    if not root.has("format"):
        return True
    found = root.notes.source.document["format"]
    if found == FORMAT and isinstance(found, int) and not isinstance(found, bool):
        return True
    newer = isinstance(found, int) and not isinstance(found, bool) and found > FORMAT
    fix = "upgrade holdfast, or write the file in format 1" if newer else "write format = 1"
    root.notes.value(("format",), f"this holdfast reads format {FORMAT}, not the one written here", fix)
    return False


def _prefixes(root: Table) -> tuple[str, ...]:
    written = root.texts("allowed_prefixes")
    found: list[str] = []
    for index, text in enumerate(written):
        prefix = names.prefix(text)
        if prefix is None:
            root.notes.value(
                ("allowed_prefixes", index),
                f"`{text}` is no CIDR prefix",
                'such as "192.0.2.0/24", no host bits set',
            )
        else:
            found.append(prefix)
    # With one unreadable, the others would blame every address that it was meant to allow.
    return tuple(sorted(set(found))) if len(found) == len(written) else ()


def _service(
    table: Table, leases: Table | None, external: Table | None, path: str, dns_listen: str
) -> ServiceSettings:
    here = FilePath(path).absolute().parent
    state = here / table.text("state", "holdfast-state")
    tokens = table.text("tokens_file", "")
    metrics_cert, metrics_key = read_tls(table, here=here, prefix="metrics_")
    settings = ServiceSettings(
        state=str(state),
        store=read_store(table, state=str(state), here=str(here)),
        dns_listen=dns_listen,
        metrics_listen=_listen(table, "metrics_listen", METRICS_LISTEN_DEFAULT),
        metrics_tls_cert=metrics_cert,
        metrics_tls_key=metrics_key,
        tokens_file=placed(here, tokens),
        signing_key=placed(here, table.text("signing_key", "")),
        plan_keys=tuple(placed(here, key) for key in table.texts("plan_keys")),
        enactors=_enactors(table),
        directory=str(here),
        leases=None if leases is None else read_leases(leases, state=state, here=here, tokens=bool(tokens)),
        webhook=None if external is None else read_webhook(external, state=state, here=here, tokens=bool(tokens)),
    )
    table.close()
    return settings


def _listen(table: Table, key: str, default: str) -> str:
    """`address:port`, or empty for off."""
    written = table.text(key, default)
    host, _ = names.split_endpoint(written)
    found = names.endpoint(written)
    if written and (found is None or not (names.address(host, 4) or names.address(host, 6))):
        table.notes.value(table.at(key), f"`{written}` is no address and port", f'such as "{default}"; "" is off')
        return default
    return found or ""


def _enactors(table: Table) -> tuple[str, ...]:
    """A number of enactors, or their ids."""
    if not table.has("enactors"):
        return ENACTORS_DEFAULT
    value = table.notes.source.document["service"]["enactors"]
    if isinstance(value, list):
        ids = table.texts("enactors")
        for index, id_ in enumerate(ids):
            if not is_writer_id(id_):
                table.notes.value(
                    (*table.at("enactors"), index),
                    f"`{id_}` is no enactor id",
                    "1 to 32 of a-z, 0-9, dot, dash and underscore",
                )
        if not ids or len(set(ids)) != len(ids):
            table.notes.value(table.at("enactors"), "enactor ids must be different, and at least one", "")
        return tuple(sorted(set(ids)))
    count = table.integer("enactors", len(ENACTORS_DEFAULT), least=1, most=ENACTORS_MAX)
    return tuple(f"enactor-{chr(ord('a') + i)}" for i in range(count))
