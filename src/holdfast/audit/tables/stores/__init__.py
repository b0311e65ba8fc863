"""Which calls touch an external store, and which of them are conditional. One file per family; this asks them."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from holdfast.audit.flow.state import Value
from holdfast.audit.tables.stores import keyvalue, network, orm, others, sql
from holdfast.audit.tables.stores.values import StoreOp

__all__ = ["NAMES", "WRITING", "StoreOp", "recognise"]
NAMES = sql.METHODS | {
    "put_item", "update_item", "delete_item", "put_object", "delete_object", "upload_file", "upload_fileobj",
    "change_resource_record_sets", "insert_one", "replace_one", "update_one", "delete_one", "set", "hset", "setex",
    "delete", "create", "add", "update", "put", "patch", "makedirs", "mkdir", "tcp", "udp", "open", "write_text",
}  # fmt: skip
"""Methods that make a function without any await worth a walk; also those of `WRITING`."""
WRITING = re.compile(r"^(create|insert|replace|patch|delete|put|update)_")


def recognise(
    node: ast.Call, name: str, arguments: Sequence[Value], imports: frozenset[str], awaited: bool
) -> StoreOp | None:
    """The operation that a call is, or None. `imports` are the top-level modules that the file imports."""
    return (
        sql.recognise(node, name, arguments)
        or keyvalue.dynamodb(node, name)
        or keyvalue.s3(node, name)
        or keyvalue.route53(node, name)
        or keyvalue.mongo(node, name)
        or keyvalue.redis(node, name, imports)
        or orm.recognise(node, name, arguments, imports, awaited)
        or network.http(node, name, imports)
        or network.kubernetes(node, name, imports, arguments)
        or network.dns(node, name, imports)
        or network.ports(node, name, imports, awaited)
        or others.files(node, name, imports)
        or others.repository(node, name, awaited)
    )
