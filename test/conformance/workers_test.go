package main_test

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/mabus-project/mabus/test/conformance/kit"
)

var languages = []string{"go", "python", "typescript"}

func transcripts(t *testing.T) []*kit.Transcript {
	t.Helper()
	all, err := kit.All()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWorkers(t *testing.T) {
	for _, language := range languages {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			command := worker(t, language)
			for _, transcript := range transcripts(t) {
				t.Run(transcript.Name, func(t *testing.T) {
					t.Parallel()
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					if err := transcript.Run(ctx, command); err != nil {
						t.Error(err)
					}
				})
			}
		})
	}
}

// What the SDKs promise beyond the protocol is tested in their own languages.
func TestSDKs(t *testing.T) {
	t.Run("python", func(t *testing.T) {
		t.Parallel()
		if err := run(t, root(t, "client/python"), need(t, "python3"), "-m", "unittest", "discover", "-s", "tests", "-t", "."); err != nil {
			t.Error(err)
		}
	})
	t.Run("typescript", func(t *testing.T) {
		t.Parallel()
		_ = typescript(t, "worker.js")
		if err := run(t, root(t, "client/typescript"), need(t, "node"), "--test", "test/"); err != nil {
			t.Error(err)
		}
	})
}

// The kit finds workers that do it wrong.
func TestTheKitFinds(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("there is no sh here")
	}
	const each = `while IFS= read -r line; do case $line in '{"type":"message"'*) ;; *) continue ;; esac
id=${line#*\"id\":\"}; id=${id%%\"*}; payload=${line#*\"payload\":}; payload=${payload%\}}
`
	for name, c := range map[string]struct{ transcript, program string }{
		"a wrong answer":              {"echo", each + `printf '{"type":"result","id":"%s","payload":0}\n' "$id"; done`},
		"a wrong id":                  {"echo", each + `printf '{"type":"result","id":"0","payload":null}\n'; done`},
		"junk on standard output":     {"noise", each + `echo noise; echo noise on standard error >&2; printf '{"type":"result","id":"%s"}\n' "$id"; done`},
		"an answer that does not end": {"cancel", each + `printf '{"type":"chunk","id":"%s","payload":"begun"}\n' "$id"; done`},
		"a hurried answer":            {"ask", each + `printf '{"type":"need_input","id":"%s","payload":{"which":["red","blue"]}}\n{"type":"result","id":"%s","payload":{"answer":"the blue one"}}\n' "$id" "$id"; done`},
		"two answers":                 {"stream-unread", each + `printf '{"type":"result","id":"%s","payload":3}\n{"type":"result","id":"%s","payload":3}\n' "$id" "$id"; done`},
		"parts out of order":          {"checkpoint", each + `for n in 2 1 3; do printf '{"type":"checkpoint","id":"%s","payload":{"done":%s}}\n' "$id" $n; done; printf '{"type":"result","id":"%s","payload":{"from":0,"done":3}}\n' "$id"; done`},
		"an end in good order":        {"crash", each + `exit 0; done`},
		"an end that does not come":   {"stop", `printf '%s\n' '{"type":"need_input","id":"1","payload":"which?"}' '{"type":"call","id":"c1","agent":"other"}' '{"type":"error","id":"1"}' '{"type":"error","id":"2"}'; exec tail -f /dev/null`},
		"a crash":                     {"unknown", `exit 3`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, transcript := range transcripts(t) {
				if transcript.Name != c.transcript {
					continue
				}
				err := transcript.Run(t.Context(), []string{"sh", "-c", c.program})
				if err == nil {
					t.Fatal("the worker passed")
				}
				t.Log(err)
				return
			}
			t.Fatalf("there is no transcript %s", c.transcript)
		})
	}
}
