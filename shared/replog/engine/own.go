package engine

import (
	"encoding/binary"

	"github.com/mabus-project/mabus/shared/api"
)

// Kinds of commands of the engine itself, which no machine sees.
const (
	KindUse      = "~use"      // goes on to later rules
	KindClaim    = "~claim"    // takes over an effect whose runner is silent, or goes on running it
	KindPresent  = "~present"  // says which versions of the rules the writer has
	KindLeave    = "~leave"    // says that the writer ends
	KindSnapshot = "~snapshot" // proposes a snapshot
	KindVerified = "~verified" // says what another replica found of the proposed snapshot
)

// UseCommand puts a later version of the rules in force. It is refused unless every live replica has said that it has it.
func UseCommand(version int) Command {
	return Command{Kind: KindUse, Body: binary.AppendUvarint(nil, uint64(version))}
}

// UsedVersion returns the version that a UseCommand puts in force.
func UsedVersion(c *Command) (version int, ok bool) {
	if c.Kind != KindUse {
		return 0, false
	}
	in := &reader{data: c.Body}
	version = in.number()
	return version, in.done()
}

// PresentCommand says that the writer has the versions of the rules from low to high.
func PresentCommand(low, high int) Command {
	return Command{Kind: KindPresent, Body: binary.AppendUvarint(binary.AppendUvarint(nil, uint64(low)), uint64(high))}
}

// LeaveCommand says that the writer ends: others may claim the effects that it runs, and it counts no longer.
func LeaveCommand() Command { return Command{Kind: KindLeave} }

// ClaimCommand claims an effect for the writer, or renews its claim. It is refused while another's claim lasts.
func ClaimCommand(effect string) Command { return Command{Kind: KindClaim, Key: effect} }

// OutcomeCommand says what an effect has brought. The first one reaches the machine; others change nothing.
func OutcomeCommand(effect string, body []byte) Command {
	return Command{Kind: KindOutcome, Key: effect, Body: body}
}

// SnapshotCommand proposes a snapshot: the SHA-256 of the machine's Snapshot right after an entry.
func SnapshotCommand(seq uint64, digest [32]byte) Command {
	return Command{Kind: KindSnapshot, Body: append(binary.AppendUvarint(nil, seq), digest[:]...)}
}

// VerifiedCommand says what digest the writer has found for the proposed snapshot.
func VerifiedCommand(seq uint64, digest [32]byte) Command {
	c := SnapshotCommand(seq, digest)
	c.Kind = KindVerified
	return c
}

// own carries out a command of the engine's own kinds.
func (e *Engine[S]) own(a *Applied, c *Command, r *Reply) error {
	in := &reader{data: c.Body}
	switch c.Kind {
	case KindOutcome:
		return e.outcome(a, c, r)
	case KindUse:
		version := in.number()
		if in.done() {
			return e.use(a, version, r)
		}
	case KindPresent:
		low, high := in.number(), in.number()
		if in.done() {
			m := e.members.byID[a.Writer]
			m.low, m.high, r.Answer = low, high, emptyAnswer
			return nil
		}
	case KindLeave:
		e.members.byID[a.Writer].left = true
		e.effects.release(a.Writer, e.time)
		r.Answer = emptyAnswer
		return nil
	case KindClaim:
		e.claim(a, c.Key, r)
		return nil
	case KindSnapshot, KindVerified:
		seq, digest := in.uvarint(), in.sum()
		if in.done() && c.Kind == KindSnapshot {
			e.propose(a, seq, digest, r)
			return nil
		} else if in.done() {
			e.verify(a, seq, digest, r)
			return nil
		}
	default:
		r.Err = api.Errorf(api.Invalid, "the log takes no command %q from outside", c.Kind)
		return nil
	}
	r.Err = api.Errorf(api.Invalid, "the body of the command %s is not what the log takes", c.Kind).WithReason(api.ReasonMalformed)
	return nil
}

func (e *Engine[S]) outcome(a *Applied, c *Command, r *Reply) error {
	f := e.effects.byID[c.Key]
	if f == nil {
		r.Answer = emptyAnswer
		return nil
	}
	e.effects.settle(f)
	a.Settled = append(a.Settled, f.ID)
	return e.decide(a, c, r)
}

func (e *Engine[S]) use(a *Applied, version int, r *Reply) error {
	switch {
	case version == e.version:
		r.Answer = emptyAnswer
		return nil
	case version < e.version:
		r.Err = api.Errorf(api.FailedPrecondition, "version %d of the rules is in force: there is no way back", e.version)
		return nil
	case !e.members.haveAll(version, e.time):
		r.Err = api.Errorf(api.FailedPrecondition, "not every replica has version %d of the rules: upgrade or stop those that have not", version)
		return nil
	}
	if err := e.advance(version); err != nil {
		return err
	}
	a.Upgraded, r.Answer = true, emptyAnswer
	return nil
}

func (e *book) claim(a *Applied, id string, r *Reply) {
	f := e.effects.byID[id]
	switch {
	case f == nil:
		r.Err = api.Errorf(api.NotFound, "no such effect is pending")
		return
	case f.owner != a.Writer && e.time < f.deadline:
		r.Err = api.Errorf(api.Conflict, "another replica runs this effect")
		return
	}
	f.deadline = plus(e.time, Claim)
	if f.owner != a.Writer {
		f.owner = a.Writer
		a.Started = append(a.Started, f.pending())
	}
	r.Answer = emptyAnswer
}

func (e *book) propose(a *Applied, seq uint64, digest [32]byte, r *Reply) {
	p := &e.proposed
	switch {
	case seq >= a.Seq:
		r.Err = api.Errorf(api.Invalid, "a snapshot is of an entry before")
	case seq <= e.verified.seq || seq < p.seq:
		r.Err = api.Errorf(api.FailedPrecondition, "there is a newer snapshot")
	case seq == p.seq && digest != p.digest:
		*p, a.Disputed = snapshotRef{}, true
		r.Err = api.Errorf(api.Conflict, "another replica has another snapshot of entry %d: both are dropped", seq)
	default:
		if seq > p.seq {
			*p = snapshotRef{seq, digest, a.Writer}
		}
		r.Answer = emptyAnswer
	}
}

func (e *book) verify(a *Applied, seq uint64, digest [32]byte, r *Reply) {
	p := &e.proposed
	switch {
	case p.seq == 0 || seq != p.seq:
		r.Err = api.Errorf(api.NotFound, "no snapshot of this entry waits to be verified")
	case digest != p.digest:
		*p, a.Disputed = snapshotRef{}, true
		r.Err = api.Errorf(api.Conflict, "the snapshot of entry %d has another digest: it is dropped", seq)
	case p.by == a.Writer && !e.members.alone(a.Writer, e.time):
		r.Err = api.Errorf(api.FailedPrecondition, "another replica must verify the snapshot, while there is one")
	default:
		e.verified, e.proposed = *p, snapshotRef{}
		a.Verified, r.Answer = true, emptyAnswer
	}
}
