// Package exec holds small agents that the exec runtime of an agent host can run: echo.sh, wordcount.py and stream.py.
// Each says in its first lines how to try it by hand; docs/exec.md says how to write another.
package exec
