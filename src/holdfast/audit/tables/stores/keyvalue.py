"""Redis, DynamoDB, S3, Route 53, MongoDB, etcd."""

from __future__ import annotations

import ast
import re

from holdfast.audit.tables.stores.values import StoreOp, argument, has, last_word, receiver, text

_REDIS = re.compile(r"redis|^r$|^rdb$|^conn$|^kv$|valkey|^pipe|cache_client|^client$|^cli$")
_REDIS_READS = frozenset(
    {
        "get",
        "exists",
        "hget",
        "hgetall",
        "hexists",
        "ttl",
        "sismember",
        "zscore",
        "llen",
        "scard",
        "mget",
        "lrange",
        "smembers",
        "zrange",
        "getex",
    }
)
_REDIS_PUTS = frozenset({"set", "hset", "hmset", "setex", "psetex", "mset", "getset"})
_REDIS_DELETES = frozenset({"delete", "unlink", "hdel", "expire", "persist", "rename"})
_TABLE = re.compile(r"table|dynamo|ddb")
_MONGO = re.compile(r"collection|coll$|^db[.\[]|\.db[.\[]|mongo|^self\.\w*(docs|items|users)")
_CAS = re.compile(
    r"if_match|ifmatch|if-match|if_none_match|ifnonematch|if-none-match|if-unmodified|resourceversion|resource_version",
    re.I,
)


def redis(node: ast.Call, name: str, imports: frozenset[str]) -> StoreOp | None:
    """`SET` is conditional with NX, or XX and GET; everything else is not, outside of WATCH and scripts."""
    base = receiver(node)
    word = last_word(base)
    if (
        not (imports & {"redis", "aioredis", "valkey", "fakeredis", "coredis"} and _REDIS.search(word))
        and "redis" not in word
    ):
        return None
    key = text(node.args[0]) if node.args else ""
    if name == "lock":
        return None
    if name in ("watch",):
        return StoreOp("redis", "lock", "watch", node=node)
    if name in ("eval", "evalsha", "setnx", "hsetnx", "incr", "decr", "incrby", "hincrby", "sadd", "zadd"):
        return None
    if not key:
        return None
    if name in _REDIS_READS:
        return StoreOp("redis", "read", base, _field(node, name, key), node=node)
    if name in _REDIS_PUTS:
        guard = "NX" if has(node, "nx") or (len(node.args) > 2 and "nx" in text(node).lower()) else ""
        return StoreOp("redis", "put", base, _field(node, name, key), guard, node=node)
    if name in _REDIS_DELETES:
        return StoreOp("redis", "delete", base, _field(node, name, key), node=node)
    return None


def _field(node: ast.Call, name: str, key: str) -> str:
    if name in ("hget", "hset", "hexists", "hdel") and len(node.args) > 1:
        return f"{key}, {text(node.args[1])}"
    return key


def dynamodb(node: ast.Call, name: str) -> StoreOp | None:
    """Conditional only with `ConditionExpression` (or the older `Expected`)."""
    verb = {
        "get_item": "read", "query": "read", "scan": "read", "put_item": "put", "update_item": "put",
        "delete_item": "delete",
    }.get(name)  # fmt: skip
    names = {k.arg for k in node.keywords}
    typical = {"Key", "Item", "TableName", "KeyConditionExpression", "UpdateExpression", "FilterExpression"}
    if verb is None or not (names & typical or _TABLE.search(last_word(receiver(node)))):
        return None
    if name in ("query", "scan") and not names & typical:
        return None
    table = text(argument(node, -1, "TableName")) or receiver(node)
    guard = "ConditionExpression" if has(node, "ConditionExpression", "Expected") or None in names else ""
    change = text(argument(node, -1, "UpdateExpression"))
    if not guard and re.search(r"\badd\b|if_not_exists|list_append|=\s*#?\w+\s*[-+]", change, re.I):
        guard = "computes in the expression"
    key = text(argument(node, -1, "Key")) if name != "put_item" else ""
    return StoreOp("dynamodb", verb, table, key, guard, node=node)


def s3(node: ast.Call, name: str) -> StoreOp | None:
    """Conditional only with `IfMatch` or `IfNoneMatch`."""
    verb = {
        "get_object": "read", "head_object": "read", "list_objects_v2": "read", "list_objects": "read",
        "put_object": "put", "delete_object": "delete", "upload_fileobj": "put", "upload_file": "put",
        "copy_object": "put",
    }.get(name)  # fmt: skip
    if verb is None or not has(node, "Bucket", "Key", "Prefix"):
        return None
    guard = "If-Match" if has(node, "IfMatch", "IfNoneMatch", "CopySourceIfMatch") else ""
    return StoreOp(
        "s3", verb, text(argument(node, -1, "Bucket")), text(argument(node, -1, "Key")), guard, node=node
    )


def route53(node: ast.Call, name: str) -> StoreOp | None:
    """A batch that deletes the old set by its values and creates the new one compares and sets; `UPSERT` not."""
    if name == "list_resource_record_sets":
        return StoreOp("route53", "read", text(argument(node, -1, "HostedZoneId")), node=node)
    if name != "change_resource_record_sets":
        return None
    batch = text(argument(node, -1, "ChangeBatch"))
    guard = "DELETE and CREATE in one batch" if "'DELETE'" in batch and "'CREATE'" in batch else ""
    return StoreOp("route53", "put", text(argument(node, -1, "HostedZoneId")), "", guard, node=node)


def mongo(node: ast.Call, name: str) -> StoreOp | None:
    """Conditional when the filter names more than the key, or the update computes (`$inc`)."""
    verb = {
        "find_one": "read", "count_documents": "read", "insert_one": "create", "replace_one": "put", "update_one":
        "put", "delete_one": "delete", "find_one_and_update": "atomic", "find_one_and_replace": "atomic",
    }.get(name)  # fmt: skip
    if verb is None:
        return None
    first = node.args[0] if node.args else None
    guard = ""
    if verb in ("put", "delete"):
        keys = len(first.keys) if isinstance(first, ast.Dict) else 0
        if keys > 1:
            guard = "the filter names more than the key"
        elif verb == "put" and re.search(r"\$(inc|push|addToSet|setOnInsert|pull|max|min|unset)", text(node)):
            guard = "computes in the update"
    key = text(first) if verb != "create" else ""
    return StoreOp("mongodb", verb, receiver(node), key, guard, node=node)


def conditional_text(source: str) -> bool:
    """Whether headers or arguments carry a precondition."""
    return bool(_CAS.search(source))
