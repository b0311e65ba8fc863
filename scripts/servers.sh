#!/bin/sh
# The real servers that the tests run against, from Debian's packages, when this machine may install them.
# What stays missing is skipped visibly by the tests; with CI=true they fail instead.
set -u
missing=""
need() { # need COMMAND PACKAGE...
    command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || { shift; missing="$missing $*"; }
}
need named bind9
need nsupdate bind9-dnsutils
need dig bind9-dnsutils
need named-checkconf bind9-utils
need knotd knot
need pdns_server pdns-server pdns-backend-sqlite3
need sqlite3 sqlite3
need promtool prometheus
need openssl openssl
need dnsperf dnsperf
need chromium chromium
need spin spin
need gcc gcc libc6-dev
need ip iproute2
need setpriv util-linux
need etcd etcd-server
need etcdctl etcd-client
need haproxy haproxy
need nginx nginx-light
need_postgres() { # its programs stand in a directory of their version, not on the PATH
    for found in /usr/lib/postgresql/*/bin/initdb; do [ -x "$found" ] && return; done
    command -v initdb >/dev/null 2>&1 || missing="$missing postgresql"
}
need_postgres
[ -e /usr/lib/*/pdns/libgsqlite3backend.so ] 2>/dev/null || missing="$missing pdns-backend-sqlite3"
[ -e /usr/lib/*/pdns/libgpgsqlbackend.so ] 2>/dev/null || missing="$missing pdns-backend-pgsql"
[ -n "$missing" ] || exit 0
sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo -n"
if ! command -v apt-get >/dev/null 2>&1 || { [ -n "$sudo" ] && ! $sudo true 2>/dev/null; }; then
    echo "holdfast: not installed, and this user may not install them; their tests will be skipped:$missing" >&2
    exit 0
fi
echo "holdfast: installing the servers under test:$missing"
# Debian would start each server on its standard port at once; the tests start their own, on loopback.
policy=/usr/sbin/policy-rc.d
made_policy=""
if ! [ -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null && $sudo chmod 755 "$policy" && made_policy=yes
fi
$sudo apt-get update -qq
# One package that this release does not have must not keep the others out (Ubuntu has chromium only as a snap).
wanted=""
for package in $missing; do
    if apt-cache show --no-all-versions "$package" 2>/dev/null | grep -q '^Filename:'; then
        wanted="$wanted $package"
    else
        echo "holdfast: this release has no package $package; its tests will be skipped" >&2
    fi
done
# shellcheck disable=SC2086  # a list of package names
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $wanted >/dev/null
status=$?
[ -z "$made_policy" ] || $sudo rm -f "$policy"
if [ "$status" != 0 ]; then
    echo "holdfast: apt-get could not install them all; what is missing will be skipped by the tests" >&2
fi
exit 0
