package ledger_test

import (
	"testing"

	"github.com/mabus-project/mabus/services/economics/ledger"
)

// BenchmarkHoldRelease is what an outbid and a new bid cost the ledger: a command each to hold, to raise and to release.
func BenchmarkHoldRelease(b *testing.B) {
	s := rich(b)
	command := func(f func(d *ledger.Draft) error) {
		d := s.Draft()
		d.Now = start
		if err := f(d); err != nil {
			b.Fatal(err)
		}
		if err := d.Check(); err != nil {
			b.Fatal(err)
		}
		d.Apply()
	}
	b.ReportAllocs()
	for b.Loop() {
		command(func(d *ledger.Draft) error { return d.Hold("auction/a7/a", a, 100, why) })
		command(func(d *ledger.Draft) error { return d.Resize("auction/a7/a", 200) })
		command(func(d *ledger.Draft) error { d.Release("auction/a7/a"); return nil })
	}
}

// BenchmarkTransfer is a posting, with its two entries and their share of the pages.
func BenchmarkTransfer(b *testing.B) {
	s := rich(b)
	from, to := a, ledger.FeesAccount("credit")
	b.ReportAllocs()
	for b.Loop() {
		d := s.Draft()
		d.Now = start
		if err := d.Transfer(from, to, 1, why); err != nil {
			from, to = to, from
			continue
		}
		if err := d.Check(); err != nil {
			b.Fatal(err)
		}
		d.Apply()
	}
}
