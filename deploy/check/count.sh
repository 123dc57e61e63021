# An agent that counts its messages. The count is stored before it is told, so whoever asks one after the other sees it rise,
# wherever the agent runs. When it cannot be stored the agent crashes, and starts again from what is stored.
n=0
while IFS= read -r line; do
	case $line in
	'{"type":"init",'*'"data":'*)
		n=${line##*\"data\":} n=${n%%\}*} ;;
	'{"type":"message",'*)
		id=${line#*\"id\":\"} id=${id%%\"*} n=$((n + 1))
		printf '{"type":"save","id":"%s","payload":%d}\n' "$id" "$n" ;;
	'{"type":"reply",'*'"error":'*)
		printf '%s\n' "$line" >&2
		exit 1 ;;
	'{"type":"reply",'*)
		printf '{"type":"result","id":"%s","payload":%d}\n' "$id" "$n" ;;
	'{"type":"stop"}') exit 0 ;;
	esac
done
