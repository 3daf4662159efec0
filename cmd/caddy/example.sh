#!/bin/sh
# Runs Caddyfile.example with bin/caddy (`make run`), and shows how to ask it as soon as it listens.
set -eu

listening() { bash -c 'exec 3<>/dev/tcp/127.0.0.1/8080' 2>/dev/null; }

tour() {
	cat <<'TOUR'

Mulligan listens on 127.0.0.1:8080. Ask it:

curl http://127.0.0.1:8080/v1/chat/completions -H 'Content-Type: application/json' -H 'X-Deployment-Key: support-reply' -d '{"messages":[{"role":"user","content":"Where is my parcel?"}]}'

For a stream, add "stream":true to the body:

curl -N http://127.0.0.1:8080/v1/chat/completions -H 'Content-Type: application/json' -H 'X-Deployment-Key: support-reply' -d '{"stream":true,"messages":[{"role":"user","content":"Where is my parcel?"}]}'

TOUR
}

if listening; then
	echo "example.sh: something else listens on 127.0.0.1:8080 already" >&2
	exit 1
fi

(
	# $$ is this script's process, which caddy takes over below. Without bash there is no way to look whether a port is
	# open; two seconds are plenty then.
	while kill -0 $$ 2>/dev/null; do
		if ! command -v bash >/dev/null; then
			sleep 2
			kill -0 $$ 2>/dev/null && tour
			exit
		fi
		if listening; then
			tour
			exit
		fi
		sleep 0.1
	done
) &
exec bin/caddy run --config Caddyfile.example
