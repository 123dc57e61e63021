package natsd_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/natsd"
)

// ownerEnv names the directory that a copy of this test binary shall own.
const ownerEnv = "MABUS_NATSD_OWNER_DIR"

// own is the child: it says where its server is and runs until its standard input closes.
func own(dir string) {
	ctx := context.Background() //nolint:forbidigo // The child is no test.
	h, err := natsd.StartOrAttach(ctx, natsd.Config{DataDir: dir})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(h.Owned(), h.URL())
	_, _ = os.Stdin.Read(make([]byte, 1))
	h.Stop()
}

type owner struct {
	cmd   *exec.Cmd
	url   string
	owned bool
}

func startOwner(t *testing.T, dir string) owner {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), ownerEnv+"="+dir)
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	o := owner{cmd: cmd}
	t.Cleanup(o.kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the child said %q: %v", line, err)
	}
	if _, err := fmt.Sscan(line, &o.owned, &o.url); err != nil {
		t.Fatalf("the child said %q: %v", line, err)
	}
	return o
}

func (o owner) kill() {
	_ = o.cmd.Process.Kill()
	_ = o.cmd.Wait()
}

func TestASecondProcessAttaches(t *testing.T) {
	dir := t.TempDir()
	first := startOwner(t, dir)
	if !first.owned {
		t.Fatal("the first process attached to nothing")
	}
	second := startOwner(t, dir)
	if second.owned || second.url != first.url {
		t.Errorf("the second process has owned %t and %s, the first is at %s", second.owned, second.url, first.url)
	}
	h := attach(t, dir)
	if h.Owned() || h.URL() != first.url {
		t.Errorf("this process has owned %t and %s, the first is at %s", h.Owned(), h.URL(), first.url)
	}
	h.Stop()
	_, closeConn := bucket(t, first.url)
	closeConn()
	if _, err := natsd.Start(t.Context(), natsd.Config{DataDir: dir}); !errors.Is(err, natsd.ErrInUse) {
		t.Errorf("Start beside the owner: %v", err)
	}
}

func TestAKilledOwnerIsFollowed(t *testing.T) {
	dir := t.TempDir()
	o := startOwner(t, dir)
	kv, closeConn := bucket(t, o.url)
	if _, err := kv.Put(t.Context(), "k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	closeConn()
	o.kill()
	if _, err := os.Stat(filepath.Join(dir, "server.json")); err != nil {
		t.Fatalf("a killed owner cannot have removed its note: %v", err)
	}
	h := attach(t, dir)
	if !h.Owned() {
		t.Fatal("attached to a dead server")
	}
	kv, closeConn = bucket(t, h.URL())
	defer closeConn()
	got, err := kv.Get(t.Context(), "k")
	if err != nil || string(got.Value()) != "v" {
		t.Errorf("after the kill: %v, %v", got, err)
	}
}

func TestManyHandlesOneServer(t *testing.T) {
	dir := t.TempDir()
	handles := make([]*natsd.Handle, 8)
	var wg sync.WaitGroup
	for i := range handles {
		wg.Go(func() { handles[i], _ = natsd.StartOrAttach(t.Context(), natsd.Config{DataDir: dir}) })
	}
	wg.Wait()
	owners := 0
	for i, h := range handles {
		if h == nil {
			t.Fatalf("handle %d has failed", i)
		}
		defer h.Stop()
		if h.Owned() {
			owners++
		}
		if h.URL() != handles[0].URL() {
			t.Errorf("handle %d is at %s, handle 0 at %s", i, h.URL(), handles[0].URL())
		}
	}
	if owners != 1 {
		t.Errorf("%d handles own the server", owners)
	}
}

func TestAttachDoesNotTrustANoteAboutAnotherServer(t *testing.T) {
	dir := t.TempDir()
	first := start(t, natsd.Config{DataDir: dir})
	other := start(t, natsd.Config{DataDir: t.TempDir()})
	notes := map[string]string{
		"another server": fmt.Sprintf(`{"url":%q,"pid":1,"server_id":"X"}`, other.URL()),
		"nobody there":   `{"url":"nats://127.0.0.1:1","pid":1,"server_id":"X"}`,
		"half a note":    `{"url":`,
		"not a URL":      `{"url":"%","pid":1}`,
	}
	for name, note := range notes {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(dir, "server.json"), []byte(note), 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			h, err := natsd.StartOrAttach(ctx, natsd.Config{DataDir: dir})
			if err == nil {
				t.Fatalf("attached to %s, the owner is at %s", h.URL(), first.URL())
			}
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), dir) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAttachTakesOverWhenTheOwnerStops(t *testing.T) {
	dir := t.TempDir()
	first := start(t, natsd.Config{DataDir: dir})
	// Without its note the owner looks as if it were still starting, so that the other one waits.
	if err := os.Remove(filepath.Join(dir, "server.json")); err != nil {
		t.Fatal(err)
	}
	got := make(chan *natsd.Handle, 1)
	go func() {
		h, _ := natsd.StartOrAttach(t.Context(), natsd.Config{DataDir: dir})
		got <- h
	}()
	first.Stop()
	h := <-got
	if h == nil {
		t.Fatal("the second one gave up")
	}
	defer h.Stop()
	if !h.Owned() {
		t.Errorf("attached to %s, which has stopped", h.URL())
	}
}

func attach(t *testing.T, dir string) *natsd.Handle {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	h, err := natsd.StartOrAttach(ctx, natsd.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Stop)
	return h
}
