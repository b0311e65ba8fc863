#!/bin/sh
# An environment with the laboratory's peers, for benchmarks/lab_peers.py: .venv-peers, on Python 3.12 or newer.
# Spin, the one that is no Python package, is installed from Debian where this user may.
set -eu
cd "$(dirname "$0")/.."
for python in ${PEERS_PYTHON:-python3.13 python3.12 python3}; do
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null && break
    python=""
done
[ -n "$python" ] || { echo "holdfast: the peers need Python 3.12 or newer; name one in PEERS_PYTHON" >&2; exit 1; }
[ -x .venv-peers/bin/pip ] || "$python" -m venv .venv-peers
.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
    -r requirements/run.txt -r requirements/peers.txt
command -v spin >/dev/null 2>&1 || { [ "$(id -u)" = 0 ] && apt-get install -y -qq spin gcc libc6-dev >/dev/null; } ||
    echo "holdfast: spin is not here (apt-get install spin gcc); its rows will say so" >&2
