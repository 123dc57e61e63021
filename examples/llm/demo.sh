#!/bin/sh
# What `make demo-llm` runs: demo.sh MABUS FAKELLM DOCUMENTS [FLAG OF mabus run]... Without MABUS_LLM_URL it starts the
# endpoint FAKELLM, which is no model, and ends it afterwards. RUN is the id of an earlier run to take up again.
set -eu
mabus=$1 fakellm=$2 documents=$3
shift 3
: "${RUN:=llm-$(date +%Y%m%d-%H%M%S)}" "${MABUS_LLM_KEY:=none}"
export MABUS_LLM_KEY

dir=
if [ -z "${MABUS_LLM_URL:-}" ]; then
	dir=$(mktemp -d)
	mkfifo "$dir/out"
	"$fakellm" --key-env MABUS_LLM_KEY --latency 50ms --per-token 3ms --rpm 500 --burst 40 --retry-after 1s >"$dir/out" &
	pid=$!
	exec 3<"$dir/out"
	trap 'kill "$pid" 2>/dev/null || :; rm -rf "$dir"' EXIT
	read -r MABUS_LLM_URL <&3
	export MABUS_LLM_URL
fi
status=0
"$mabus" run --id "$RUN" "$@" "$(dirname "$0")/job.yaml" "$documents" || status=$?
if [ -n "$dir" ]; then
	kill "$pid" 2>/dev/null || :
	wait "$pid" || :
	echo "endpoint   $(cat <&3)"
	[ "$status" -eq 0 ] || echo "This endpoint has ended with the run. To go on with another like it: make demo-llm RUN=$RUN MAX_COST=..."
fi
exit "$status"
