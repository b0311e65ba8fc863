#!/bin/sh
# Make the secrets of this example, once: the zone's key in both forms, and the pair that signs plans.
# Needs openssl and holdfast (pip install 'holdfast[signing]'). Run it as who will run `docker compose`.
set -eu
umask 077
cd "$(dirname "$0")"
mkdir -p secrets
[ -e secrets/zone.key ] || {
    secret=$(openssl rand -base64 32)
    printf '%s\n' "$secret" > secrets/zone.key
    printf 'key:\n  - id: holdfast-shop\n    algorithm: hmac-sha256\n    secret: %s\n' "$secret" > secrets/knot.key
}
[ -e secrets/planner.key ] || holdfast keys new secrets/planner.key
# Containers run as user 10001: only that user may read them.
[ "$(id -u)" != 0 ] || chown -R 10001:10001 secrets
