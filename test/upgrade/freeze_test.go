package upgrade_test

import (
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/backup"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

var (
	freeze  = flag.String("freeze", "", "write the directory of this name under testdata, once, from a namespace of -program")
	program = flag.String("program", "", "path of the program whose namespace is frozen")
)

// aged is a message of a stream that forgets by age: a back-up of it would be empty when it is restored years later.
type aged struct {
	Store   string              `json:"store"`
	Subject string              `json:"subject"`
	Header  map[string][]string `json:"header,omitempty"`
	Data    []byte              `json:"data"`
}

const mostAged = 100 // messages of each stream

// TestFreeze writes the golden directory of a version: its stores, and what it answers from them.
func TestFreeze(t *testing.T) {
	if *freeze == "" {
		t.Skip("writes the golden directory of a new version, once: -args -freeze NAME -program PATH")
	}
	dir := filepath.Join("testdata", *freeze)
	if _, err := os.Stat(dir); err == nil {
		t.Fatalf("%s is there, and is never written again", dir)
	}
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/refused" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, `{"ok":true}`)
	}))
	defer endpoint.Close()
	d := deploy(t, *program, setting{url: natstest.Start(t).URL()})
	l := newLoad(t, d.url, *program, nil)
	newerToo := fillNewer(t, l)
	fill(t, l, endpoint.URL)
	for _, service := range []string{"economics", "coordination"} { // a replica that ends says so in its log
		d.replace(service, 0, *program)
	}
	rest(t.Context(), 130*time.Second) // until a minute of measurements is summed up
	var lines []string
	asked := readings()
	if newerToo {
		asked = append(asked, newer()...)
	}
	for _, r := range asked {
		r.Answer = l.ask(t, r)
		line, err := codec.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line))
	}
	conn := l.as["operator"].Conn()
	if _, err := backup.Make(t.Context(), conn, filepath.Join(dir, "stores"), backup.Options{Version: *freeze}); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "answers.jsonl"), lines)
	write(t, filepath.Join(dir, "aged.jsonl"), d.aged(conn))
	runOut(t, dir)
}

// ask asks with a bare body.
func (l *load) ask(t *testing.T, r reading) json.RawMessage {
	t.Helper()
	ctx, end := short(t)
	defer end()
	data, err := l.as["operator"].Conn().WithPrincipal(r.As).Request(ctx, api.DefaultNamespace+"."+r.Method, r.Request, true)
	if err != nil {
		t.Errorf("%s %s as %s: %v", r.Method, r.Request, r.As, err)
	}
	return data
}

func write(t *testing.T, path string, lines []string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// aged reads the streams that forget by age.
func (d *deployment) aged(conn *rpc.Conn) (lines []string) {
	ctx := d.t.Context()
	for _, s := range api.Stores {
		stream, err := conn.JS.Stream(ctx, s.Stream(api.DefaultNamespace))
		if err != nil || stream.CachedInfo().State.Msgs == 0 || stream.CachedInfo().Config.MaxAge == 0 || s.Kind == api.StoreObjects || s.Name == "requests" {
			continue
		}
		state := stream.CachedInfo().State
		for seq := state.FirstSeq; seq <= min(state.LastSeq, state.FirstSeq+mostAged); seq++ {
			m, err := stream.GetMsg(ctx, seq)
			if errors.Is(err, jetstream.ErrMsgNotFound) {
				continue
			} else if err != nil {
				d.t.Fatal(err)
			}
			line, err := codec.Marshal(aged{Store: s.Name, Subject: m.Subject, Header: m.Header, Data: m.Data})
			if err != nil {
				d.t.Fatal(err)
			}
			lines = append(lines, string(line))
		}
	}
	return lines
}
