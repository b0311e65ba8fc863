"""Names of what orders writes, of what protects the live one, and of what applies."""

from __future__ import annotations

import re

VERSION = re.compile(
    r"(^|_)(version|revision|generation|gen|epoch|plan|plans|serial|term|seq|seqno|sequence|rev|ballot|lsn|zxid|newest"
    r"|release|resourceversion|counter|index|tag|etag)(s|_|$)|(^|_)plan_of($|_)"
)
ORDERED = re.compile(
    r"(^|_)(applied|newest|latest|current|last|known|seen|installed|active|desired|committed)(_|$)"
)
NOT_STATE = re.compile(
    r"version_info|python_version|__version__|parse_version|LooseVersion|StrictVersion|Version\(|api_version|protocol"
    r"|server_version|min_|max_|supported|compat|client_version|schema_version|_major|_minor|hass|sdk|firmware|len\(",
    re.IGNORECASE,
)
"""Versions of programs and interfaces, not of something that is applied."""
APPLIES = re.compile(
    r"^_*(async_)?(apply|write|put|set|replace|publish|deploy|commit|push|install|point|switch|save|update|store|activate"
    r"|promote|roll_?out|send_update|upsert|enact|execute|sync)(_|$)"
)
FENCED = re.compile(
    r"expect|if_match|version|revision|generation|token|fence|epoch|precondition|prerequisite|condition|compare|etag|cas|prev"
)
"""Arguments by which a write says what it requires."""
REQUIRES = re.compile(r"Compare\(|\.unchanged\(|expect|if_match|If-Match|precondition|prerequisite", re.IGNORECASE)
"""Arguments that are themselves conditions."""
SUBJECT = re.compile(
    r"plan|release|snapshot|deployment|version|generation|revision|image|config|record|epoch|build|backup|replica"
    r"|manifest|segment|checkpoint",
    re.IGNORECASE,
)
AGE = re.compile(
    r"(^|_)(age|older|old|created|created_at|timestamp|mtime|ctime|updated|updated_at|modified|date|cutoff)(_|$)"
)
ENDS_BY_ITSELF = re.compile(r"expir|ttl|deadline|timeout|heartbeat|last_seen|retention|idle", re.IGNORECASE)
PROTECTS = re.compile(
    r"active|current\b|is_current|live|in_use|inuse|pinned|pin\b|referenc|refcount|latest|newest|keep|protected|default|"
    r"mounted|leased|locked|running|in_progress|applied|used\b|head\b|serving|fence",
    re.IGNORECASE,
)
DELETES = re.compile(
    r"^_*(async_)?(delete|remove|purge|drop|unlink|prune|rmtree|destroy|gc|evict|deleterrset)(_|$)", re.IGNORECASE
)
