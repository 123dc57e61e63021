package natsd_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/credential"
	"github.com/mabus-project/mabus/shared/natsd"
)

func TestLinesOfTheLogAreUnderstood(t *testing.T) {
	const who = `127.0.0.1:4711 - cid:42 - "v1.55.0:go:me" - "ABC/mabus/jwt:UXYZ" - `
	for line, want := range map[string]string{
		who + `Publish Violation - Subject "a.b"`:                                                                      "42 a.b false",
		who + `Publish Violation - Reply "$JS.ACK.x"`:                                                                  "42 $JS.ACK.x false",
		who + `Subscription Violation - Subject "a.>", SID 3`:                                                          "42 a.> true",
		who + `Subscription Violation - Subject "a.>", Queue: "q", SID 3`:                                              "42 a.> true",
		who + `Subscription Violation - Subject "a.>", Queue: q, SID 3`:                                                "42 a.> true",
		`[::1]:4711 - wid:7 - Publish Violation - Subject "x"`:                                                         "7 x false",
		`127.0.0.1:1 - cid:9 - "v1:go:x - Publish Violation - Subject \"fake\"" - authentication error`:                "",
		`127.0.0.1:1 - cid:9 - "go:cid:1 - Publish Violation - Subject \"fake\"" - Publish Violation - Subject "real"`: "9 real false",
		`slow consumer`: "",
		``:              "",
	} {
		got := ""
		if client, subject, subscribe, ok := natsd.Understand(line); ok {
			got = fmt.Sprint(client, " ", subject, " ", subscribe)
		}
		if got != want {
			t.Errorf("%s\n is %q, want %q", line, got, want)
		}
	}
}

func FuzzLinesOfTheLog(f *testing.F) {
	f.Add(`127.0.0.1:1 - cid:9 - Publish Violation - Subject "a"`)
	f.Add(`127.0.0.1:1 - cid:99999999999999999999 - Publish Violation - Subject "\x"`)
	f.Fuzz(func(t *testing.T, line string) {
		if _, subject, _, ok := natsd.Understand(line); !ok && subject != "" {
			t.Errorf("%q is half understood: %q", line, subject)
		}
	})
}

// A client that tries doors by the thousand is told of no more than is heard, with the rest counted, and holds up nobody.
func TestViolationsBeyondTheQueueAreCounted(t *testing.T) {
	auth, err := credential.Init(t.Context(), t.TempDir(), "mabus", credential.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := auth.Add(t.Context(), "mabus", credential.AddRequest{Names: []string{"eve"}, Kind: api.KindObserver}); err != nil {
		t.Fatal(err)
	}
	material, err := auth.Material()
	if err != nil {
		t.Fatal(err)
	}
	var told, lost atomic.Uint64
	busy := make(chan struct{})
	s := start(t, natsd.Config{DataDir: t.TempDir(), Strict: &material, OnViolation: func(v natsd.Violation) {
		<-busy
		if v.Principal != "eve" || v.Namespace != "mabus" || v.Subject != "mabus.as.ann.registry.agents.get" {
			t.Errorf("told of %+v", v)
		}
		told.Add(1)
		lost.Add(v.Lost)
	}})
	nc, err := nats.Connect(s.URL(), nats.UserCredentials(auth.CredentialsPath("mabus", "eve")), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	const tries = 2000
	for range tries {
		if err := nc.Publish("mabus.as.ann.registry.agents.get", nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.FlushTimeout(10 * time.Second); err != nil { // the server answers while nobody hears of it
		t.Fatal(err)
	}
	close(busy)
	if err := nc.Publish("mabus.as.ann.registry.agents.get", nil); err != nil {
		t.Fatal(err)
	}
	if err := nc.FlushTimeout(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	s.Stop() // tells what is left
	if got := told.Load(); got == 0 || got > 300 {
		t.Errorf("%d are told", got)
	}
	if got := told.Load() + lost.Load(); got > tries+1 || lost.Load() == 0 && told.Load() < tries {
		t.Errorf("%d are told or counted of %d", got, tries+1)
	}
}

func TestDataIsStrictOrPlain(t *testing.T) {
	dir := t.TempDir()
	if natsd.Plain(dir) || natsd.WasStrict(dir) {
		t.Error("an empty directory is one of both")
	}
	s := start(t, natsd.Config{DataDir: dir})
	kv, closeConn := bucket(t, s.URL())
	if _, err := kv.Put(t.Context(), "k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	closeConn()
	s.Stop()
	if !natsd.Plain(dir) || natsd.WasStrict(dir) {
		t.Error("a server that lets in everybody has left something else")
	}
	auth, err := credential.Init(t.Context(), t.TempDir(), "mabus", credential.Options{})
	if err != nil {
		t.Fatal(err)
	}
	material, err := auth.Material()
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	s = start(t, natsd.Config{DataDir: dir, Strict: &material})
	s.Stop()
	if natsd.Plain(dir) || !natsd.WasStrict(dir) {
		t.Error("a strict server has left something else")
	}
	material.Operator = "x"
	if _, err := natsd.Start(t.Context(), natsd.Config{DataDir: t.TempDir(), Strict: &material}); err == nil {
		t.Error("a server is started without an operator")
	}
}
