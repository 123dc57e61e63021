#!/bin/sh
# An agent in POSIX sh that answers every message with its payload. By hand:
#   printf '%s\n' '{"type":"message","id":"1","payload":{"say":"hello"}}' | sh echo.sh
# It needs no JSON parser because the host writes type and id first and the payload last.
while IFS= read -r line; do
  case $line in
  '{"type":"message",'*) ;;
  *) continue ;; # init, cancel, and what later versions add
  esac
  id=${line#*\"id\":\"}
  id=${id%%\"*}
  payload=${line#*\"payload\":}
  payload=${payload%\}}
  printf '{"type":"result","id":"%s","payload":%s}\n' "$id" "$payload"
done
