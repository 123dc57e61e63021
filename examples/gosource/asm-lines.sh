#!/bin/sh
# asm-lines is an exec agent in plain sh and awk: it counts the lines of Go assembly files. It needs no JSON parser, since
# the host writes every frame on one line, type and id first and the payload last (docs/exec.md), and a count of lines can
# be had from the text as JSON escapes it.
#
#   in   {"type":"message","id":"7","payload":{"path":"src/sys_amd64.s","content":"TEXT \u00b7f(SB),4,$0\n\tRET\n"}}
#   out  {"type":"result","id":"7","payload":{"path":"src/sys_amd64.s","lines":2,"text_symbols":1,"comment_lines":0}}
#
# lines          every line, also a last one without a line break
# text_symbols   lines that begin with TEXT, after blanks, outside comments
# comment_lines  lines that begin with // after blanks, and those of a /* */ comment that begins a line
#
# One awk runs as long as the agent does. Bytes are enough to count lines, hence the C locale. mawk alone waits for a full
# buffer when it reads from a pipe, unless it is told that it talks to somebody.
LC_ALL=C
export LC_ALL
interactive=
case $(${AWK:-awk} -W version 2>/dev/null </dev/null) in
mawk*) interactive='-W interactive' ;;
esac

# shellcheck disable=SC2086 # both are lists of words
exec ${AWK:-awk} $interactive '
BEGIN { FS = "\n" }

/^\{"type":"stop"/ { exit }

/^\{"type":"message","id":"/ {
	id = value($0, "\"id\":\"")
	frame = $0
	gsub(/\\\\/, "\001", frame) # now a backslash before an n is a line break, and nothing else,
	gsub(/\\"/, "\002", frame)  # and a quote ends a string
	at = index(frame, "\"payload\":")
	frame = substr(frame, at)
	path = escaped(value(frame, "\"path\":\""))
	if (index(frame, "\"content\":\"") == 0 && index(frame, "\"content_base64\":\"") > 0)
		answer("error", "\"error\":{\"code\":\"invalid\",\"message\":\"the file is not UTF-8 text\"}")
	else {
		count(value(frame, "\"content\":\""))
		answer("result", "\"payload\":{\"path\":\"" path "\",\"lines\":" lines ",\"text_symbols\":" symbols ",\"comment_lines\":" comments "}")
	}
}

function answer(type, body) {
	printf "{\"type\":\"%s\",\"id\":\"%s\",%s}\n", type, id, body
	fflush()
}

# value is what stands between the opening, which ends in a quote, and the next quote.
function value(text, opening,  start) {
	start = index(text, opening)
	if (start == 0)
		return ""
	text = substr(text, start + length(opening))
	return substr(text, 1, index(text, "\"") - 1)
}

# escaped undoes what was done to the frame.
function escaped(text,  parts, n, i, out) {
	n = split(text, parts, "\001")
	out = parts[1]
	for (i = 2; i <= n; i++)
		out = out "\\\\" parts[i]
	n = split(out, parts, "\002")
	out = parts[1]
	for (i = 2; i <= n; i++)
		out = out "\\\"" parts[i]
	return out
}

# count sets lines, symbols and comments. Text is still escaped: a tab is a backslash and a t.
function count(text,  parts, n, i, inside, line) {
	n = split(text, parts, /\\n/)
	lines = n
	if (n > 0 && parts[n] == "")
		lines = n - 1 # the text ended with a line break
	symbols = comments = inside = 0
	for (i = 1; i <= n; i++) {
		line = parts[i]
		if (inside) {
			comments++
			if (index(line, "*/"))
				inside = 0
			continue
		}
		if (line !~ /^( |\\t)*(\/[\/*]|TEXT( |\\t))/)
			continue
		sub(/^( |\\t)*/, "", line)
		if (line ~ /^TEXT/) {
			symbols++
			continue
		}
		comments++
		if (substr(line, 2, 1) == "*" && index(substr(line, 3), "*/") == 0)
			inside = 1
	}
}
'
