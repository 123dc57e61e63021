package archive_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/shared/archive"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

type value struct {
	N    int    `json:"n"`
	Text string `json:"text"`
}

func open(t *testing.T) *archive.Archive {
	t.Helper()
	conn, err := rpc.Dial(t.Context(), rpc.Options{URL: natstest.Start(t).URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	a, err := archive.Open(t.Context(), conn, "things", "mabus.things.", 1, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestWhatIsStoredIsRead(t *testing.T) {
	a := open(t)
	long := strings.Repeat("long ", 300_000) // three messages
	for n, text := range []string{"short", long, ""} {
		for range 2 { // the same again stores the same
			b := a.Batch()
			if err := b.Put(fmt.Sprint("mabus.things.", n), value{n, text}); err != nil {
				t.Fatal(err)
			}
			if err := b.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		var got value
		found, err := a.Get(t.Context(), fmt.Sprint("mabus.things.", n), &got)
		if err != nil || !found || got != (value{n, text}) {
			t.Errorf("value %d: %v, %v, %d bytes", n, found, err, len(got.Text))
		}
		if has, err := a.Has(t.Context(), fmt.Sprint("mabus.things.", n)); err != nil || !has {
			t.Errorf("value %d: %v, %v", n, has, err)
		}
	}
	if found, err := a.Get(t.Context(), "mabus.things.none", new(value)); err != nil || found {
		t.Errorf("what was never stored: %v, %v", found, err)
	}
	if has, err := a.Has(t.Context(), "mabus.things.none"); err != nil || has {
		t.Errorf("what was never stored: %v, %v", has, err)
	}
}

func TestTheLatestComeFirst(t *testing.T) {
	a := open(t)
	b := a.Batch()
	for n := range 7 {
		text := ""
		if n == 3 {
			text = strings.Repeat("x", 2<<20)
		}
		if err := b.Put(fmt.Sprint("mabus.things.", n), value{n, text}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	var all []int
	place := uint64(0)
	for first := true; first || place != 0; first = false {
		page := 0
		var err error
		if place, err = archive.Before(t.Context(), a, place, func(v *value) bool {
			all = append(all, v.N)
			page++
			return page == 3
		}); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(all, []int{6, 5, 4, 3, 2, 1, 0}) {
		t.Errorf("read in the order %v", all)
	}
}
