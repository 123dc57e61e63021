package backup_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/backup"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// copied is a copy of a back-up to damage.
func copied(t testing.TB, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

func edit(t testing.TB, path string, f func(data []byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, f(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Every byte of a back-up counts, and a damaged one changes nothing on the server.
func TestDamagedBackups(t *testing.T) {
	t.Parallel()
	conn, empty := dial(t, natstest.Start(t).URL()), dial(t, natstest.Start(t).URL())
	stores(t, conn, 1)
	for _, key := range []string{"a", "b"} {
		if _, err := bucket(t, conn, "agents").Put(within(t), key, []byte(strings.Repeat(key, 1000))); err != nil {
			t.Fatal(err)
		}
	}
	dir, m := saved(t, conn)
	const file = "KV_mabus_agents.s2"
	for name, spoil := range map[string]func(t *testing.T, dir string){
		"truncated": func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, file), func(d []byte) []byte { return d[:len(d)-1] })
		},
		"empty": func(t *testing.T, dir string) { edit(t, filepath.Join(dir, file), func([]byte) []byte { return nil }) },
		"longer": func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, file), func(d []byte) []byte { return append(d, 0) })
		},
		"missing": func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, file)); err != nil {
				t.Fatal(err)
			}
		},
		"another": func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, file), func([]byte) []byte {
				d, err := os.ReadFile(filepath.Join(dir, "KV_mabus_locks.s2"))
				if err != nil {
					t.Fatal(err)
				}
				return d
			})
		},
		"extra": func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, "KV_mabus_other.s2"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"manifest of another namespace": func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "manifest.json"), func(d []byte) []byte {
				return []byte(strings.Replace(string(d), `"namespace":"mabus"`, `"namespace":"other"`, 1))
			})
		},
		"manifest with a blank": func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "manifest.json"), func(d []byte) []byte { return append([]byte(" "), d...) })
		},
		"manifest of another file": func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "manifest.json"), func(d []byte) []byte { return []byte(strings.Replace(string(d), file, "../"+file, 1)) })
		},
		"manifest that is none": func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "manifest.json"), func([]byte) []byte { return []byte("{") })
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := copied(t, dir)
			spoil(t, dir)
			_, err := backup.Verify(t.Context(), dir, nil)
			refused(t, err, api.FailedPrecondition, backup.ReasonDamaged)
			_, err = backup.Restore(within(t), empty, dir, backup.RestoreOptions{})
			refused(t, err, api.FailedPrecondition, backup.ReasonDamaged)
		})
	}
	t.Run("every byte", func(t *testing.T) {
		dir := copied(t, dir)
		size := int(m.Parts[partOf(t, m, "agents")].Size)
		for at := range size {
			flip := func(d []byte) []byte { d[at] ^= 1 << (at % 8); return d }
			edit(t, filepath.Join(dir, file), flip)
			if _, err := backup.Verify(t.Context(), dir, nil); api.ReasonOf(err) != backup.ReasonDamaged || !strings.Contains(err.Error(), file) {
				t.Fatalf("byte %d of %d: %v", at, size, err)
			}
			edit(t, filepath.Join(dir, file), flip)
		}
		if _, err := backup.Verify(t.Context(), dir, nil); err != nil {
			t.Fatal(err)
		}
	})
	names := empty.JS.StreamNames(within(t))
	for name := range names.Name() {
		t.Errorf("a damaged back-up has made %s", name)
	}
}

func partOf(t testing.TB, m *backup.Manifest, store string) int {
	t.Helper()
	for i, p := range m.Parts {
		if p.Store == store {
			return i
		}
	}
	t.Fatalf("no %s in the manifest", store)
	return 0
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	conn := dial(t, srv.URL())
	_, err := backup.Make(within(t), conn, t.TempDir(), backup.Options{})
	refused(t, err, api.NotFound, "")
	stores(t, conn, 1)
	dir, _ := saved(t, conn)
	_, err = backup.Make(within(t), conn, dir, backup.Options{})
	refused(t, err, api.FailedPrecondition, "")
	_, err = backup.Verify(t.Context(), t.TempDir(), nil)
	refused(t, err, api.FailedPrecondition, "")
	_, err = backup.Restore(within(t), conn, dir, backup.RestoreOptions{})
	refused(t, err, api.Conflict, backup.ReasonStoresExist)
	if err == nil || !strings.Contains(err.Error(), "KV_mabus_agents") {
		t.Errorf("%v does not name the stores", err)
	}
	other, err := rpc.Dial(t.Context(), rpc.Options{URL: srv.URL(), Namespace: "other"})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	_, err = backup.Restore(within(t), other, dir, backup.RestoreOptions{})
	refused(t, err, api.FailedPrecondition, backup.ReasonOtherNamespace)
	sub, err := conn.NC.Subscribe("mabus.as.*.registry.agents.get", func(msg *nats.Msg) { _ = msg.Respond([]byte("{}")) })
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	sub2, err := conn.NC.Subscribe("mabus.as.*.registry.>", func(msg *nats.Msg) { _ = msg.Respond([]byte("{}")) })
	if err != nil {
		t.Fatal(err)
	}
	_, err = backup.Restore(within(t), conn, dir, backup.RestoreOptions{Replace: true})
	refused(t, err, api.FailedPrecondition, backup.ReasonProcessesLive)
	if err := errors.Join(sub.Unsubscribe(), sub2.Unsubscribe()); err != nil {
		t.Fatal(err)
	}
	renewed, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	kv := bucket(t, conn, "leases")
	go func() {
		defer close(done)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for renewed.Err() == nil {
			_, _ = kv.Put(t.Context(), "process", []byte("live")) // to its end: one that is stored later would be a renewal
			<-tick.C
		}
	}()
	_, err = backup.Restore(within(t), conn, dir, backup.RestoreOptions{Replace: true})
	stop()
	<-done
	refused(t, err, api.FailedPrecondition, backup.ReasonProcessesLive)
	restored(t, conn, dir, backup.RestoreOptions{Replace: true})
	if _, err := bucket(t, conn, "leases").Get(within(t), "process"); !errors.Is(err, jetstream.ErrKeyNotFound) {
		t.Errorf("what was there before is there still: %v", err)
	}
}

// A restore that dies after any of its steps is begun anew and comes to its end.
func TestRestoreDiesInTheMiddle(t *testing.T) {
	t.Parallel()
	conn := dial(t, natstest.Start(t).URL())
	stores(t, conn, 1)
	if _, err := bucket(t, conn, "agents").Put(within(t), "a", []byte("agent")); err != nil {
		t.Fatal(err)
	}
	dir, m := saved(t, conn)
	target := dial(t, natstest.Start(t).URL())
	for n := 1; ; n++ {
		ctx, die := context.WithCancel(t.Context())
		steps := 0
		_, err := backup.Restore(ctx, target, dir, backup.RestoreOptions{Progress: func(backup.Progress) {
			if steps++; steps == n {
				die()
			}
		}})
		die()
		if err == nil {
			if n < 3*len(m.Parts) {
				t.Errorf("only %d steps", n)
			}
			break
		}
		if n > 4*len(m.Parts) {
			t.Fatalf("it does not come to its end: %v", err)
		}
		if n > len(m.Parts)+1 && n < 3*len(m.Parts) { // something is there, and is no namespace yet
			_, err = backup.Make(within(t), target, filepath.Join(t.TempDir(), "b"), backup.Options{})
			refused(t, err, api.FailedPrecondition, "")
		}
	}
	if e, err := bucket(t, target, "agents").Get(within(t), "a"); err != nil || string(e.Value()) != "agent" {
		t.Errorf("%v: %v", e, err)
	}
}
