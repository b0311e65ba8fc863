"""What names say about who uses an object, and about what a call makes."""

from __future__ import annotations

import re

SEQUENTIAL_CLASS = re.compile(
    r"(Reader|Writer|Stream|Streams|Cursor|Iterator|Iter|Request|Response|Parser|Decoder|Encoder|Payload|File|Generator"
    r"|Context|Transaction|Command|Message|Upload|Download|Body|Part|Exchange|WebSocket|Handler|Protocol|Builder"
    r"|Migration|Visitor|Flow|Repair|Wizard|Test|Tests|TestCase|View|Form|Dialog|Cog|Step|Turn|Job|Statement)$|^_?iter|iterable|Iterator"
)
"""Objects that by their contract one task uses at a time: one reader per stream, one handler per request."""
SEQUENTIAL_METHOD = re.compile(
    r"^_?(__anext__|read|readline|readexactly|receive|recv|readuntil|anext|fetchone|fetchrow)"
)
STARTS = re.compile(
    r"^_*(main|amain|async_main|lifespan|startup|on_startup|setup|asyncSetUp|setUp|tearDown|asyncTearDown|on_ready"
    r"|setup_hook|async_setup_entry|async_setup|async_added_to_hass|bootstrap|run_forever|serve_forever|run|_run|loop"
    r"|__aenter__|__init__|__ainit__|aenter|__await__|on_start|on_mount|serve)$"
)
"""Run once in the life of their object, by its owner."""
OWNER = re.compile(r"^_*(init|initiali[sz]e|a?connect|open|start|setup|set_up|create|begin|login|launch)(_|$)")
"""Mostly called once, by the owner, unless the project itself calls it on demand."""
ENDS = re.compile(
    r"^_*(a?close|stop|shutdown|a?exit|__aexit__|__exit__|disconnect|terminate|cleanup|teardown|destroy|dispose|finish|"
    r"a?stop_\w+|a?close_\w+|disconnect_\w+|on_stop|on_shutdown|kill|cancel|cancel_\w+|reset|abort|detach|unload|"
    r"async_unload\w*|async_will_remove\w*|release|end|quit|logout|deactivate|\w+_(close|closed|stop|stopped|shutdown|disconnect))$"
)
"""Ends: doing them twice is mostly harmless."""
MAKES = re.compile(
    r"^_*(async_|do_|ensure_)?(a?connect|open|create|make|new|start|spawn|launch|acquire|login|subscribe|register|listen"
    r"|bind|build|init|initialize|initialise|setup|set_up|allocate|reserve|attach|establish|dial|join|handshake|enter_async"
    r"|authenticate|upload|insert|submit|enqueue|bootstrap|migrate|prepare|run)(_|$)|_(connect|connection|endpoint)$"
)
RESOURCE = re.compile(
    r"(Client|Session|Pool|Server|Connection|Task|Lock|Semaphore|Event|Queue|Listener|Subscription|Worker|Process|Socket"
    r"|Cluster|Channel|Executor|Engine|Cluster|Producer|Consumer|Thread|Manager|Device)$"
)
"""Classes whose objects hold something that must be closed, or that others wait on."""
"""Calls whose result somebody must close, or that do something outside: doing them twice does harm."""
TEST_FILE = re.compile(r"(^|/)(tests?|testing|conftest|test_[^/]*|[^/]*_test)(/|\.py$)")
MIGRATION_FILE = re.compile(r"(^|/)(migrations?|alembic|versions|upgrades?|management/commands)/")
EXAMPLE_FILE = re.compile(r"(^|/)(examples?|docs?|samples?|demos?|tutorials?|benchmarks?)/")
NO_GAP = frozenset({"checkpoint_if_cancelled", "cancel_shielded_checkpoint"})
"""Awaited calls that give way to nobody unless the task is cancelled anyway."""
