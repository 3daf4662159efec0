#!/usr/bin/env bash
# Installs the clients that integration/ runs, at the versions that package-lock.json and requirements.txt name, into
# node_modules of each folder and python/.venv. It does nothing when they are there already.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

fail() {
	echo "integration/clients/install.sh: $*" >&2
	exit 1
}

command -v node >/dev/null || fail "node is missing: the tests need Node.js 20 or newer (https://nodejs.org)"
command -v npm >/dev/null || fail "npm is missing: it comes with Node.js (https://nodejs.org)"
node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' ||
	fail "node is $(node --version): the tests need Node.js 20 or newer (https://nodejs.org)"

python=
for candidate in python3 python; do
	if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
		python=$candidate
		break
	fi
done
[ -n "$python" ] || fail "the tests need Python 3.11 or newer as python3 (https://www.python.org)"

# A stamp holds the digests of all that decides what is installed. It is written last, so that an installation that broke
# off is made anew.
installed() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

for folder in node orq codex; do
	want="$(cksum <$folder/package-lock.json) node $(node --version)"
	if ! installed $folder/node_modules/.stamp "$want"; then
		echo "installing the clients of $folder…"
		(cd $folder && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
		echo "$want" >$folder/node_modules/.stamp
	fi
done

want="$(cksum <python/requirements.txt) $("$python" --version)"
if ! installed python/.venv/.stamp "$want"; then
	echo "installing Python clients…"
	rm -rf python/.venv
	"$python" -m venv python/.venv ||
		fail "python3 -m venv failed: on Debian and Ubuntu, install python3-venv"
	bin=python/.venv/bin
	[ -d "$bin" ] || bin=python/.venv/Scripts # Windows
	"$bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --requirement python/requirements.txt
	"$bin/python" -m pip check --disable-pip-version-check >/dev/null ||
		fail "requirements.txt does not list all that its packages need; see: $bin/python -m pip check"
	echo "$want" >python/.venv/.stamp
fi
