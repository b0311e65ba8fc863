"""What to do instead, in the words of each interface."""

from __future__ import annotations

CREATE = {
    "sql": (
        "A unique constraint, and INSERT ... ON CONFLICT DO NOTHING (MySQL: INSERT IGNORE); or catch the"
        " unique violation and read again."
    ),
    "orm": (
        "A unique constraint, and get_or_create (SQLAlchemy: insert().on_conflict_do_nothing()); or "
        "catch IntegrityError around the insert and read again."
    ),
    "redis": "SET key value NX (redis-py: set(..., nx=True)), and act on its answer.",
    "dynamodb": (
        "put_item(..., ConditionExpression='attribute_not_exists(pk)'), and catch ConditionalCheckFailedException."
    ),
    "s3": "put_object(..., IfNoneMatch='*'), and catch PreconditionFailed.",
    "route53": "Action CREATE instead of UPSERT: it fails when the record set exists.",
    "mongodb": (
        "A unique index, and update_one(filter, {'$setOnInsert': ...}, upsert=True); or catch DuplicateKeyError."
    ),
    "http": "PUT with If-None-Match: *, and treat 412 as somebody else was first.",
    "kubernetes": "Create first, and treat 409 AlreadyExists as found.",
    "dns": "Add a prerequisite to the update: update.absent(name, rdtype).",
    "store": "Commit(compares=(absent(key),), puts=...).",
    "file": "os.makedirs(exist_ok=True); open(path, 'x') and catch FileExistsError.",
    "repository": (
        "Let the store decide: a create that fails when it exists (unique key), and read again on that failure."
    ),
}
WRITE = {
    "": "Make the write conditional on what was read: a version, an ETag, a compare-and-set.",
    "sql": (
        "UPDATE ... SET ..., version = version + 1 WHERE id = ? AND version = ?, and retry when no row "
        "changed; or SELECT ... FOR UPDATE in the same transaction; or compute in the statement (SET n ="
        " n + 1)."
    ),
    "orm": (
        "select_for_update() inside atomic() (SQLAlchemy: with_for_update(), version_id_col); or "
        "filter(pk=..., version=...).update(...); or F() expressions."
    ),
    "redis": (
        "WATCH key ... MULTI ... EXEC (redis-py: transaction()), a Lua script, or SET with NX; HINCRBY "
        "and INCR for counters."
    ),
    "dynamodb": (
        "ConditionExpression on a version attribute, e.g. 'version = :read', and retry on "
        "ConditionalCheckFailedException; or an UpdateExpression that computes."
    ),
    "s3": "IfMatch=<ETag that was read>, and read again on 412 PreconditionFailed.",
    "route53": (
        "One batch with DELETE of exactly the values that were read and CREATE of the new ones: it fails"
        " when they have changed."
    ),
    "mongodb": (
        "Add the version that was read to the filter: update_one({'_id': ..., 'version': v}, ...), and "
        "retry when matched_count is 0; or $inc, $push."
    ),
    "http": "If-Match: <ETag of the answer that was read>, and read again on 412.",
    "kubernetes": (
        "Send metadata.resourceVersion of the object that was read (delete: preconditions), and read "
        "again on 409 Conflict."
    ),
    "dns": (
        "A prerequisite that the record set is still what was read: update.present(name, rdtype, "
        "*rdatas); treat NXRRSET as lost the race."
    ),
    "store": "Commit(compares=(entry.unchanged(),), puts=...).",
    "repository": "Give the write the version that was read, and refuse it when that has changed.",
}
