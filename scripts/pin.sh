#!/bin/sh
# Pin the dependencies again, with hashes and without addresses. Needs pip-tools in a scratch environment:
#     python3 -m venv /tmp/pin && /tmp/pin/bin/pip install pip-tools && PATH=/tmp/pin/bin:$PATH sh scripts/pin.sh
set -eu
cd "$(dirname "$0")/.."
for target in run dev; do
    inputs="pyproject.toml requirements/build.in"
    extras="--extra fast --extra leases"
    [ "$target" = run ] || inputs="$inputs requirements/dev.in" extras="$extras --extra postgres --extra etcd --extra route53 --extra signing --extra map --extra lab --extra fleet"
    # shellcheck disable=SC2086  # lists of files and options
    pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header --strip-extras \
        --allow-unsafe --no-annotate $extras --output-file "requirements/$target.txt" $inputs
done
# The peers need Python 3.12; made with an older one, their file stays as it is.
pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-header --strip-extras \
    --allow-unsafe --no-annotate --output-file requirements/peers.txt requirements/peers.in ||
    echo "holdfast: requirements/peers.txt is as it was: it is pinned with Python 3.12 or newer" >&2
