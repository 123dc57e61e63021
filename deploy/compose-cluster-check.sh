#!/usr/bin/env bash
# Checks deploy/docker-compose.cluster.yml: under a load of calls and locks each NATS node, an agent host and a replica of each service
# are killed, and then every container is replaced, one after the other. No call or lock may fail, no counting agent may forget, every
# wanted agent must run in the end, and no container may have started again by itself, or may have to be killed when it is asked to
# end. Takes three to four minutes and needs Docker with Compose, Go, and Bash 4. It is a Compose project of its own, on free ports of
# the loopback address, removed at the end. With STRICT=1 it is the strict cluster, with TLS and an operator's credentials.
set -euo pipefail
cd "$(dirname "$0")/.."

export COMPOSE_PROJECT_NAME=mabus-cluster-check-$$
export COMPOSE_FILE=docker-compose.yml:deploy/docker-compose.cluster.yml
work=$(mktemp -d)
load=
[ -z "${STRICT:-}" ] || export COMPOSE_FILE=$COMPOSE_FILE:deploy/docker-compose.cluster-strict.yml MABUS_STRICT_DIR=$work/strict

fail() {
	echo "compose-cluster-check: $*" >&2
	exit 1
}

clean() {
	local status=$?
	trap - EXIT INT TERM
	if [ $status -ne 0 ]; then
		tail -n 20 "$work"/load.log "$work"/up.log >&2 2>/dev/null || true
		[ -z "$load" ] || mabus locks list >&2 || true
		docker compose ps --all >&2 || true
		docker compose logs --tail 20 >&2 || true
	fi
	[ -z "$load" ] || kill "$load" 2>/dev/null || true
	docker compose down --volumes --rmi local --timeout 10 >/dev/null 2>&1 || echo "compose-cluster-check: could not clean up" >&2
	rm -rf "$work"
	exit $status
}
trap clean EXIT
trap 'exit 130' INT TERM

mabus() { "$work/mabus" --timeout 30s "$@"; }
live() { mabus hosts list --status live | awk 'NR > 1 { print $1 }' | sort; }
ids() { docker compose ps --quiet "$@"; }

# up ARGUMENT...: makes what is asked for and missing, and waits until it is healthy.
up() {
	docker compose up --detach --wait --wait-timeout 60 "$@" >"$work/up.log" 2>&1 || fail "up $*: not healthy"
}

# step DESCRIPTION COMMAND...: does something under load, waits until all agents answer and a lock can be had, and prints a row of
# what that did to the callers: calls and locks count where they end.
step() {
	local what=$1 from=$SECONDS row
	shift
	"$@"
	"$work/check" ask >"$work/ask" || fail "$what: not every agent came back"
	mabus locks run "check-$from" -- true || fail "$what: no lock can be had"
	echo >&"${LOAD[1]}"
	read -r -a row <&"${LOAD[0]}" || fail "$what: the load has ended"
	printf '%4d s  %-34s %4d s %7d %6d %10d %6d %6d %10d\n' "$from" "$what" $((SECONDS - from)) "${row[@]}"
}

# end CONTAINER: asks it to end, and sees that it did so in order.
end() {
	docker stop "$1" >/dev/null
	local state
	state=$(docker inspect --format '{{.Name}} ended with {{.State.ExitCode}} after {{.RestartCount}} restarts' "$1")
	[[ $state == *" ended with 0 after 0 restarts" ]] || { docker logs --tail 20 "$1" >&2 && fail "$state"; }
	docker rm "$1" >/dev/null
}

one() { ids "$1" | head -n 1; }
kill_one() { docker kill "$(one "$1")" >/dev/null; }

kill_host() {
	local before gone
	mabus agents list >"$work/agents"
	before=$(live)
	kill_one agenthost
	"$work/check" ask >"$work/ask" || fail "the agents of the host did not come back"
	gone=$(comm -23 <(echo "$before") <(live))
	moved="$(grep -cw "$gone" "$work/agents") agents were on the host that was killed: $(cat "$work/ask")"
}

# What was chosen and what was measured must be had while one replica of the service is away.
kill_balancer() {
	kill_one loadbalancer
	mabus balance pick count >"$work/pick" || fail "no agent is picked"
}

kill_monitor() {
	kill_one perfmon
	measured
}

# measured: waits until what the agents have done in the last seconds can be asked for.
measured() {
	local until=$((SECONDS + 30))
	until mabus metrics show --scope fleet --metric latency_seconds --last 5s --json 2>"$work/measured.log" | grep -q '"count":[1-9]'; do
		[ $SECONDS -lt $until ] || fail "nothing is measured: $(cat "$work/measured.log")"
		sleep 0.2
	done
}

replace_service() {
	local old
	for old in $(ids "$1"); do
		end "$old"
		up --no-deps --no-recreate "$1"
	done
}

# A new host is there before the old one is asked to end, so that this one can hand its agents over.
replace_hosts() {
	local old
	for old in $(ids agenthost); do
		up --no-deps --no-recreate --scale agenthost=4 agenthost
		end "$old"
	done
}

replace_node() {
	end "$(ids "$1")"
	up --no-deps "$1"
}

go build -o "$work/check" ./deploy/check
CGO_ENABLED=0 go build -trimpath -o "$work/mabus" ./cmd/mabus
if [ -n "${STRICT:-}" ]; then
	MABUS=$work/mabus MABUS_AUTH=$work/auth deploy/strict.sh cluster >"$work/strict.log" 2>&1 || fail "no credentials: $(cat "$work/strict.log")"
	grep -q 'sync_interval: always' "$work/strict/nats.conf" || fail "the nodes would not write before they acknowledge"
	export NATS_CREDS=$work/auth/creds/mabus/operator.creds NATS_CA=$work/strict/tls/ca.pem
fi
docker compose build --quiet
mapfile -t ports < <("$work/check" ports 3)
export MABUS_PORT=${ports[0]} MABUS_PORT_2=${ports[1]} MABUS_PORT_3=${ports[2]}
export NATS_URL=nats://127.0.0.1:$MABUS_PORT,nats://127.0.0.1:$MABUS_PORT_2,nats://127.0.0.1:$MABUS_PORT_3
printf '%4d s  built\n' $SECONDS
up
if [ -n "${STRICT:-}" ]; then
	! env -u NATS_CREDS "$work/mabus" hosts list >"$work/refused" 2>&1 || fail "the cluster lets in who has no credentials"
	! env -u NATS_CA "$work/mabus" hosts list >"$work/refused" 2>&1 || fail "a client believes a cluster that it does not know"
fi
[ "$(live | wc -l)" -eq 3 ] || fail "$(live | wc -l) hosts are live instead of 3"
printf '%4d s  3 NATS nodes, 2 replicas of each service and 3 hosts are healthy\n' $SECONDS
"$work/check" fleet 30 | sed 's/^/        /'

coproc LOAD { exec "$work/check" load 2>"$work/load.log"; }
load=$LOAD_PID
printf '%6s  %-34s %6s %7s %6s %10s %6s %6s %10s\n' at 'what was done' took calls failed 'slowest ms' locks failed 'slowest ms'
for node in nats-1 nats-2 nats-3; do
	step "$node killed" kill_one "$node"
	step "$node started again" up --no-recreate "$node"
done
step 'an agent host killed' kill_host
step 'the host started again' up --no-recreate agenthost
step 'a replica of registry killed' kill_one registry
step 'a replica of coordination killed' kill_one coordination
step 'a replica of economics killed' kill_one economics
step 'a replica of perfmon killed' kill_monitor
step 'a replica of loadbalancer killed' kill_balancer
step 'all started again' up --no-recreate registry coordination economics perfmon loadbalancer
step 'scaled to 2 agent hosts' up --no-recreate --scale agenthost=2
step 'scaled to 3 agent hosts' up --no-recreate
step 'every registry replaced' replace_service registry
step 'every coordination replaced' replace_service coordination
step 'every economics replaced' replace_service economics
step 'every perfmon replaced' replace_service perfmon
step 'every loadbalancer replaced' replace_service loadbalancer
step 'every agent host replaced' replace_hosts
for node in nats-1 nats-2 nats-3; do step "$node replaced" replace_node "$node"; done
measured
mabus balance pick count >"$work/pick" || fail "no agent is picked"

exec {LOAD[1]}>&-
wait "$load" || fail "calls or locks have failed"
load=
[ "$(live | wc -l)" -eq 3 ] || fail "$(live | wc -l) hosts are live instead of 3"
mabus locks run compose-check -- sh -c '[ "$MABUS_LOCK_TOKEN" -gt 0 ]' || fail "locks run has failed"
for c in $(ids); do
	[ "$(docker inspect --format '{{.RestartCount}} {{.State.Health.Status}}' "$c")" = "0 healthy" ] || fail "container $c has started again, or is not healthy"
done
[ "$(ids | wc -l)" -eq 16 ] || fail "$(ids | wc -l) containers instead of 16"
tail -n 1 "$work/load.log"
echo "$moved"
printf '%4d s  all is well\n' $SECONDS
