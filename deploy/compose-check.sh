#!/usr/bin/env bash
# Checks docker-compose.yml with jobs from outside: a host is killed in the middle of each, and hosts join the second. Every
# planned task must have exactly one outcome, in the results file and in the store. Takes one to two minutes and needs Docker
# with Compose, and Go. It is a Compose project of its own, on a free port of the loopback address, removed at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

export COMPOSE_PROJECT_NAME=mabus-check-$$ MABUS_PORT=0
work=$(mktemp -d)
patience=240 # seconds that a job may take
job=

fail() {
	echo "compose-check: $*" >&2
	exit 1
}

clean() {
	local status=$?
	trap - EXIT INT TERM
	[ -z "$job" ] || kill "$job" 2>/dev/null || true
	if [ $status -ne 0 ]; then
		tail -n 20 "$work"/*.log >&2 2>/dev/null || true
		docker compose ps --all >&2 || true
		docker compose logs --tail 20 >&2 || true
	fi
	docker compose down --volumes --rmi local --timeout 10 >/dev/null 2>&1 || echo "compose-check: could not clean up" >&2
	rm -rf "$work"
	exit $status
}
trap clean EXIT
trap 'exit 130' INT TERM

note() { printf '%4d s  %s\n' $SECONDS "$*"; }
mabus() { "$work/mabus" --timeout 60s "$@"; }
live() { mabus hosts list --status live | awk 'NR > 1 { print $1 }' | sort; }
outcomes() { mabus tasks stats --json | grep -o '"outcomes":[0-9]*' | cut -d: -f2; }

scale() {
	docker compose up --detach --wait --wait-timeout 120 --no-recreate --scale "agenthost=$1" >"$work/up.log" 2>&1 ||
		fail "the containers did not become healthy"
}

# stored STATUS: the ids of the job's tasks of that status, as the services list them.
stored() { mabus tasks list --job "$name" --limit 1000000 --status "$1" | awk 'NR > 1 { print $1 }' | sort; }

# begin NAME ARGUMENT...: runs a job in the background.
begin() {
	name=$1 before=$(outcomes)
	shift
	timeout "$patience" "$work/mabus" run --id "$name" --json --results "$work/$name.jsonl" "$@" >"$work/$name.json" 2>"$work/$name.log" &
	job=$!
}

# reach N: waits until N of the job's tasks have an outcome.
reach() {
	until [ $(($(outcomes) - before)) -ge "$1" ]; do
		kill -0 "$job" 2>/dev/null || fail "job $name ended before $1 tasks had"
		sleep 0.1
	done
}

# lose PLANNED: kills an agent host, and sees that the job was not done by then.
lose() {
	docker kill "$(docker compose ps --quiet agenthost | head -n 1)" >/dev/null
	local done=$(($(outcomes) - before))
	[ "$done" -lt "$1" ] || fail "job $name was done before the host was killed"
	note "$name: host killed after $done of $1 tasks"
}

# finish PLANNED REPORTS: waits for the job and compares its results with what was planned and what is stored.
finish() {
	wait "$job" || fail "job $name failed"
	job=
	local ended=$SECONDS
	sed 's/^{"task":"\([^"]*\)".*/\1/' "$work/$name.jsonl" | sort >"$work/ids"
	[ "$(wc -l <"$work/ids")" -eq "$1" ] || fail "job $name: $(wc -l <"$work/ids") outcomes of $1 tasks"
	[ -z "$(uniq -d "$work/ids")" ] || fail "job $name: more than one outcome of $(uniq -d "$work/ids")"
	grep -q "\"planned\":$1,.*\"done\":$1,\"failed\":0," "$work/$name.json" || fail "job $name: the summary says otherwise"

	stored succeeded >"$work/stored"
	[ "$(comm -23 "$work/ids" "$work/stored" | wc -l)" -eq 0 ] || fail "job $name: outcomes that are not stored"
	[ "$(comm -13 "$work/ids" "$work/stored" | wc -l)" -eq "$2" ] || fail "job $name: outcomes that are not in the results"
	[ -z "$(stored failed)$(stored cancelled)" ] || fail "job $name: tasks are failed or cancelled"
	# A host that dies between an outcome and its acknowledgement leaves the task in the queue, where it is not run again.
	stored queued >"$work/queued"
	[ "$(comm -23 "$work/queued" "$work/stored" | wc -l)" -eq 0 ] || fail "job $name: tasks are queued"
	until [ "$(mabus agents list --status running | wc -l)" -eq 1 ]; do # those of the killed host are failed once it is known to be dead
		[ $((SECONDS - ended)) -lt 40 ] || fail "job $name has left agents running"
		sleep 0.5
	done
	grep -o '"host":"[^"]*"' "$work/$name.jsonl" | cut -d'"' -f4 | sort | uniq -c >"$work/shares"
	note "$name: $1 tasks, $1 outcomes, $(grep -c '"attempt":[2-9]' "$work/$name.jsonl" || true) of them by a later attempt, $(wc -l <"$work/queued") not acknowledged; by host: $(awk '{ printf "%s%d", sep, $1; sep = ", " }' "$work/shares")"
}

CGO_ENABLED=0 go build -trimpath -o "$work/mabus" ./cmd/mabus
docker compose build --quiet
note "built: $(docker image ls --format '{{.Repository}} {{.Size}}' | grep "^$COMPOSE_PROJECT_NAME-" | sed "s/^$COMPOSE_PROJECT_NAME-//" | paste -sd,)"
began=$SECONDS
scale 3
NATS_URL=nats://$(docker compose port nats 4222)
export NATS_URL
[ "$(live | wc -l)" -eq 3 ] || fail "$(live | wc -l) hosts are live instead of 3"
note "healthy with 3 hosts after $((SECONDS - began)) s"

source=$(go env GOROOT)/src
files=$(find "$source" -type f \( -name '*.go' -o -name '*.s' \) | wc -l)
begin demo --dir-on-hosts /opt/mabus/examples/gosource examples/gosource/job.yaml "$source"
reach $((files / 10))
lose "$files"
finish "$files" 1

naps=1000
seq $naps >"$work/numbers.jsonl"
live >"$work/old"
begin naps --dir-on-hosts / deploy/nap.yaml "$work/numbers.jsonl"
reach 50
scale 5
reach 200
lose $naps
finish $naps 0
new=$(awk '{ print $2 }' "$work/shares" | comm -13 "$work/old" - | wc -l)
[ "$new" -ge 1 ] || fail "no host that joined did any task"
grep -q '"attempt":[2-9]' "$work/naps.jsonl" || fail "the killed host had no task under way"
mabus metrics show --scope fleet --metric latency_seconds --last 10m >"$work/measured" || fail "nothing is measured"
grep -q '^all agents' "$work/measured" || fail "nothing was measured of the agents"
mabus balance stats >"$work/balance" || fail "the load balancer does not answer"
note "naps: $new hosts that joined the running job did their share"
note "all is well"
