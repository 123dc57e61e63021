package canary_test

import (
	"encoding/base64"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/natstest"
)

// In whatever form a canary stands there, it is seen.
func TestTheSearchKnowsForms(t *testing.T) {
	value := "canary" + nuid.Next()
	c := newCanary("c", value)
	for name, text := range map[string]string{
		"plain": "x " + value + " y", "in JSON": `{"a":"` + value + `"}`, "hex": hex.EncodeToString([]byte("x" + value)), "base64": base64.StdEncoding.EncodeToString([]byte(value)),
		"base64 in the middle": base64.StdEncoding.EncodeToString([]byte("user:" + value + ":more")), "base64 of a URL": base64.URLEncoding.EncodeToString([]byte("ab" + value)),
	} {
		s := newSearch(c)
		if s.in("here", text); len(s.seen()) != 1 {
			t.Errorf("%s is not seen", name)
		}
	}
	s := newSearch(c)
	if s.in("here", "x "+value[:len(value)-1]); len(s.seen()) != 0 {
		t.Error("what is not there is seen")
	}
}

// Wherever a canary is put, the search looks there.
func TestTheSearchLooksEverywhere(t *testing.T) {
	srv := natstest.Start(t)
	nc := srv.Connect(t)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	kv, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "b", History: 3})
	must(err)
	objects, err := js.CreateObjectStore(t.Context(), jetstream.ObjectStoreConfig{Bucket: "o"})
	must(err)
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "s", Subjects: []string{"s.>"}})
	must(err)
	value := func() string { return "canary" + nuid.Next() }
	for place, plant := range map[string]func(v string){
		"stream KV_b": func(v string) { // overwritten, and then removed
			_, err := kv.PutString(t.Context(), "k", v)
			must(err)
			_, err = kv.PutString(t.Context(), "k", "other")
			must(err)
			must(kv.Delete(t.Context(), "k"))
		},
		"stream OBJ_o": func(v string) { // across two chunks
			_, err := objects.PutBytes(t.Context(), "x", []byte(strings.Repeat("x", 128<<10-10)+v))
			must(err)
		},
		"stream s": func(v string) {
			_, err := js.PublishMsg(t.Context(), &nats.Msg{Subject: "s.a", Header: nats.Header{"A": {v}}})
			must(err)
		},
		"files": func(v string) { must(os.WriteFile(filepath.Join(srv.DataDir(), "left"), []byte("x"+v), 0o600)) },
		"command line": func(v string) {
			cmd := exec.Command("cat", "-", v)
			in, err := cmd.StdinPipe()
			must(err)
			must(cmd.Start())
			t.Cleanup(func() { _ = in.Close(); _ = cmd.Process.Kill(); _ = cmd.Wait() })
		},
	} {
		v := value()
		s := newSearch(newCanary("c", v))
		plant(v)
		switch {
		case place == "command line" && runtime.GOOS != "linux":
			continue // there is no /proc
		case place == "command line":
			natstest.Eventually(t, patience, func() bool { s.processes(); return len(s.seen()) > 0 }, "the process is seen")
		case place == "files":
			s.files(t, place, srv.DataDir())
		default:
			s.streams(t, js)
		}
		if s.seen()[place+": c"] == "" {
			t.Errorf("a canary in %s is not seen, but in %v", place, s.seen())
		}
	}
}
