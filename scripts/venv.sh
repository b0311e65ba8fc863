#!/bin/sh
# Make .venv from a pinned requirements file (names, versions, hashes), then install the project without its
# dependencies. Usage: scripts/venv.sh requirements/run.txt
set -eu
cd "$(dirname "$0")/.."

find_python() {
    for candidate in "${PYTHON:-}" python3.13 python3.12 python3.11 python3; do
        [ -n "$candidate" ] || continue
        command -v "$candidate" >/dev/null 2>&1 || continue
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$candidate"; return; }
    done
    echo "holdfast needs Python 3.11 or newer, and none is on the PATH. On Debian 12 or newer and on Ubuntu 24.04:" >&2
    echo "    apt-get install python3 python3-venv" >&2
    exit 1
}

install_venv_package() {
    version=$("$1" -c 'import sys; print(f"{sys.version_info[0]}.{sys.version_info[1]}")')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "holdfast: Python's venv module is missing; installing python3-venv from Debian's packages"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "python$version-venv" >/dev/null \
            || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
    else
        echo "holdfast: Python's venv module is missing. Install it, then run make again:" >&2
        echo "    sudo apt-get install python$version-venv" >&2
        exit 1
    fi
}

python=$(find_python)
if ! [ -x .venv/bin/pip ]; then
    "$python" -c 'import venv, ensurepip' 2>/dev/null || install_venv_package "$python"
    echo "holdfast: making .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv
fi
echo "holdfast: installing the pinned packages of $1"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$1"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
