#!/bin/sh
# Pin the dependencies again, with hashes and without addresses. Needs pip-tools in a scratch environment:
#     python3 -m venv /tmp/pin && /tmp/pin/bin/pip install pip-tools && PATH=/tmp/pin/bin:$PATH sh scripts/pin.sh
set -eu
cd "$(dirname "$0")/.."
for target in run dev; do
    inputs="pyproject.toml requirements/build.in"
    [ "$target" = run ] || inputs="$inputs requirements/dev.in"
    # shellcheck disable=SC2086  # a list of files
    pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header --strip-extras \
        --allow-unsafe --no-annotate --extra fast --extra leases --output-file "requirements/$target.txt" $inputs
done
