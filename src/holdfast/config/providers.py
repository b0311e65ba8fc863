"""`provider` of a `[[zone]]`: a word, or a table where a provider has settings of its own."""

from __future__ import annotations

import re
from typing import Final

from holdfast.config.tables import Table
from holdfast.model.configuration import Answers, ProviderKind, Route53Settings

ROUTE53_TIMEOUT_S: Final = 15.0
"""A batch of a thousand records takes the API longer than a DNS server takes."""
REQUESTS_PER_S_MAX: Final = 1000.0
_ZONE_ID: Final = re.compile(r"Z[A-Z0-9]{1,31}")
_ENDPOINT: Final = re.compile(r"https?://[^/\s?#]+")
_DEFAULT: Final = Route53Settings(zone_id="")
_EXAMPLE: Final = 'provider = { kind = "route53", zone_id = "Z0123456789ABC" }'


def read_provider(table: Table) -> tuple[ProviderKind, Route53Settings | None]:
    """The kind, and Route 53's settings where it is that."""
    if not table.holds_table("provider"):
        kind = table.choice("provider", ProviderKind, None) or ProviderKind.EMBEDDED
        if kind is ProviderKind.ROUTE53:
            table.notes.value(
                table.at("provider"), "Route 53 needs the id of the hosted zone", f"write {_EXAMPLE}"
            )
            return kind, _DEFAULT
        return kind, None
    own = table.table("provider")
    assert own is not None
    kind = own.choice("kind", ProviderKind, None) or ProviderKind.EMBEDDED
    route53 = _route53(own) if kind is ProviderKind.ROUTE53 else None
    own.close()
    return kind, route53


def _route53(table: Table) -> Route53Settings:
    zone_id = table.text("zone_id", None, wanted="the id of the hosted zone").removeprefix("/hostedzone/")
    if zone_id and _ZONE_ID.fullmatch(zone_id) is None:
        table.notes.value(
            table.at("zone_id"), f"`{zone_id}` is no id of a hosted zone", 'such as "Z0123456789ABC"'
        )
    endpoint = table.text("endpoint", "")
    if endpoint and _ENDPOINT.fullmatch(endpoint) is None:
        table.notes.value(table.at("endpoint"), f"`{endpoint}` is no address of an API", "https:// and a host")
    return Route53Settings(
        zone_id=zone_id,
        answers=table.choice("answers", Answers, _DEFAULT.answers) or _DEFAULT.answers,
        credentials_file=table.text("credentials_file", ""),
        profile=table.text("profile", _DEFAULT.profile),
        requests_per_s=table.number(
            "requests_per_s",
            _DEFAULT.requests_per_s,
            least=0.1,
            most=REQUESTS_PER_S_MAX,
            wanted="a number of requests a second, such as 2.5 (the account has 5)",
        ),
        endpoint=endpoint,
    )
