package pbftsim

import (
	"errors"
	"fmt"

	"github.com/mabus-project/mabus/shared/pbft"
)

// What a run may have shown to be broken.
var (
	ErrAgreement   = errors.New("two decisions")
	ErrValidity    = errors.New("decided what too few honest members had approved")
	ErrCertificate = errors.New("a decision without proof")
	ErrTermination = errors.New("no decision although the network is calm")
)

func (w *world) fail(kind error, format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("seed %d: %w: %s", w.seed, kind, fmt.Sprintf(format, args...))
		w.note("%v", w.err)
	}
}

// decide checks a decision.
func (w *world) decide(a *actor, d pbft.Decision) {
	if !a.honest && !a.learner {
		return
	}
	value := string(d.Value)
	w.note("%s decides %s at %d", a.id, value, d.Seq)
	if before, ok := a.decided[d.Seq]; ok {
		w.fail(ErrAgreement, "%s has decided %q at %d, and now %q", a.id, before, d.Seq, value)
	}
	if first, ok := w.first[d.Seq]; ok && first != value {
		w.fail(ErrAgreement, "%s decides %q at %d, another member had decided %q", a.id, value, d.Seq, first)
	}
	if d.Seq != uint64(len(a.decided))+1 {
		w.fail(ErrAgreement, "%s decides %d after %d decisions", a.id, d.Seq, len(a.decided))
	}
	a.decided[d.Seq], w.first[d.Seq] = value, value
	if n := len(w.backers[value]); n <= w.config.F {
		w.fail(ErrValidity, "%s decides %q at %d, which %d honest members had approved", a.id, value, d.Seq, n)
	}
	if err := d.Certificate.VerifyWith(w.members, w.config.F, w.config.Verify); err != nil {
		w.fail(ErrCertificate, "%s decides %q at %d: %v", a.id, value, d.Seq, err)
	}
	if c := d.Certificate; string(c.Value) != value || c.Seq != d.Seq || c.Session != w.config.Session {
		w.fail(ErrCertificate, "%s decides %q at %d with a certificate of %q at %d", a.id, value, d.Seq, c.Value, c.Seq)
	}
}
