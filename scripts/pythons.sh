#!/bin/sh
# The unit and laboratory tests on other Pythons: PYTHONS="python3.12 python3.13" sh scripts/pythons.sh
# The tapes under tests/lab/tapes hold trace hashes, so that they pass there is the proof that a tape gives the same
# trace on each. Not part of `make test`: machines have one Python as a rule. Environments go to .venv-<version>.
set -eu
cd "$(dirname "$0")/.."
status=0
for python in ${PYTHONS:-python3.12 python3.13}; do
    command -v "$python" >/dev/null 2>&1 || { echo "holdfast: no $python here: skipped"; continue; }
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    venv=.venv-$version
    [ -x "$venv/bin/pip" ] || "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
    echo "holdfast: $("$python" --version)"
    "$venv/bin/python" -m pytest -n 2 -p no:cacheprovider -m "not soak" tests/unit tests/lab || status=1
done
exit $status
