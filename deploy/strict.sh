#!/usr/bin/env bash
# Makes what docker-compose.strict.yml needs: the auth directory deploy/auth with certificates and credentials, and deploy/strict, which is
# what containers are given of it. Safe to repeat: what is there stays. `strict.sh cluster` is for docker-compose.cluster-strict.yml. Other
# arguments go to `mabus auth config` (see docs/security.md). Needs the program: MABUS names it, if it is neither on the path nor in bin/.
# MABUS_AUTH and MABUS_STRICT_DIR name other directories.
set -euo pipefail
cd "$(dirname "$0")/.."
mabus=${MABUS:-$(command -v mabus || echo ./bin/mabus)}
export MABUS_AUTH=${MABUS_AUTH:-$PWD/deploy/auth}
if [ "${1:-}" = cluster ]; then
	shift
	set -- --cluster mabus --server-name '$NATS_NODE' --no-advertise --sync-always \
		--route nats://nats-1:6222 --route nats://nats-2:6222 --route nats://nats-3:6222 "$@"
fi

[ -e "$MABUS_AUTH/tls/server.pem" ] || "$mabus" auth init --tls --san nats --san nats-1 --san nats-2 --san nats-3
issue() { [ -e "$MABUS_AUTH/creds/${MABUS_NAMESPACE:-mabus}/$1.creds" ] || "$mabus" auth add "$1" --kind "$2"; }
issue services service
issue host host
issue operator operator
exec "$mabus" auth config --out "${MABUS_STRICT_DIR:-deploy/strict}" --monitor 0.0.0.0:8222 --tls "$@"
