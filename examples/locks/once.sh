#!/bin/sh
# A job that several machines start at the same time, and only one runs: put it into every machine's crontab.
#   mabus up
#   sh examples/locks/once.sh
set -eu
exec mabus locks run report --wait 30s -- sh -c '
  state=$(mabus cells open report "$MABUS_LOCK_TOKEN")     # refuses what a former holder may still write
  steps=$(printf "%s" "$state" | sed -n "s/.*\"steps\":\([0-9]*\).*/\1/p")
  steps=$((${steps:-0} + 1))
  mabus cells put report "$MABUS_LOCK_TOKEN" "{\"steps\":$steps,\"by\":\"shell\"}" > /dev/null
  echo "token $MABUS_LOCK_TOKEN: step $steps"
'
