#!/usr/bin/env bash
# Installs the database servers that the tests of record/ run: PostgreSQL 15 and ClickHouse 18.16, from Debian 12. It does
# nothing when they are there already, and starts none of them.
set -euo pipefail

fail() {
	echo "internal/dbserver/install.sh: $*" >&2
	exit 1
}

wanted=()
[ -x /usr/lib/postgresql/15/bin/postgres ] || wanted+=('postgresql-15=15.*')
command -v clickhouse-server >/dev/null || wanted+=('clickhouse-server=18.16.1*')
[ ${#wanted[@]} -gt 0 ] || exit 0

command -v apt-get >/dev/null ||
	fail "the tests need PostgreSQL 15 and ClickHouse as Debian 12 packages them: postgres in /usr/lib/postgresql/15/bin, and clickhouse-server"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || fail "run it as root, or install: ${wanted[*]}"
	as_root=(sudo)
fi

# Installing the packages would make a cluster and start both servers; the tests start their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
	"${as_root[@]}" chmod +x $policy
	trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
	"${as_root[@]}" mkdir -p /etc/postgresql-common
	echo 'create_main_cluster = false' | "${as_root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
fi

echo "installing database servers…"
log=$(mktemp)
"${as_root[@]}" apt-get -qq update >"$log" 2>&1 || { cat "$log" >&2; fail "apt-get update failed"; }
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends -o Dpkg::Options::=--force-confold "${wanted[@]}" >"$log" 2>&1 ||
	{ cat "$log" >&2; fail "apt-get install ${wanted[*]} failed"; }
rm -f "$log"
