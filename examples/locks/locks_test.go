package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

// serve runs what the example needs.
func serve(t *testing.T) (url string) {
	t.Helper()
	url = natstest.Start(t).URL()
	conn, err := rpc.Dial(t.Context(), rpc.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	stop := func(f func(context.Context) error) {
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
			defer cancel()
			_ = f(ctx)
		})
	}
	r, err := registry.Start(t.Context(), conn, registry.Config{})
	if err != nil {
		t.Fatal(err)
	}
	stop(r.Stop)
	c, err := coordination.Start(t.Context(), conn, coordination.Config{})
	if err != nil {
		t.Fatal(err)
	}
	stop(c.Stop)
	return url
}

var line = regexp.MustCompile(`^token [1-9][0-9]*: step [1-9][0-9]*$`)

// TestWorkers: whatever they are written in, no step of a worker is lost.
func TestWorkers(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not here")
	}
	url := serve(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var mu sync.Mutex
	var out bytes.Buffer
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			var mine bytes.Buffer
			if err := run(ctx, &mine, url, 5, time.Millisecond); err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			out.Write(mine.Bytes())
		})
		all.Go(func() {
			cmd := exec.CommandContext(ctx, python, "bare.py")
			cmd.Env = append(cmd.Environ(), "NATS_URL="+url)
			mine, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v: %s", err, mine)
			}
			mu.Lock()
			defer mu.Unlock()
			out.Write(mine)
		})
	}
	all.Wait()
	seen := map[string]bool{}
	for l := range strings.Lines(out.String()) {
		l = strings.TrimSpace(l)
		if !line.MatchString(l) {
			t.Errorf("got %q", l)
		}
		_, step, _ := strings.Cut(l, ": ")
		seen[step] = true
	}
	for i := range 18 {
		if !seen[fmt.Sprintf("step %d", i+1)] {
			t.Errorf("step %d is lost:\n%s", i+1, out.String())
		}
	}
}
