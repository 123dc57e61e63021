package replog

import (
	"time"

	"github.com/mabus-project/mabus/shared/replog/engine"
)

// entryFrame is about what the stream stores of an entry beside its data, in bytes.
const entryFrame = 64

// apply applies the next entry and tells everybody whom it concerns.
func (l *Log[S]) apply(en engine.Entry) error {
	r := &l.reader
	f := l.writer.match(en.Data)
	l.mu.Lock()
	a, err := l.engine.Apply(en)
	l.received = l.cfg.hooks.now()
	l.size += int64(len(en.Data)) + entryFrame
	l.grown += int64(len(en.Data)) + entryFrame
	if a != nil && a.Verified {
		l.grown = 0
	}
	size := l.size
	l.mu.Unlock()
	if err != nil {
		return err
	}
	if r.live && size >= l.roomy() {
		l.health.setFull(true) // until the stream's leader says otherwise
	}
	r.last = en
	if r.log == "" {
		r.log = l.engine.Log()
	}
	if l.weigh(a) && r.live {
		r.remember(en.Seq, l.engine.HashAt)
		r.begin()
		l.health.troubled(StateRebuilding) // at once
		l.rebuilding()
		return errDoubt
	}
	l.metrics.entries.Inc()
	if a.Disputed {
		l.snapshots.replay.Store(true)
	}
	if r.live {
		l.report(a)
	}
	l.cfg.Applied(a, l.engine.State(), r.live)
	if f != nil && !l.cfg.hooks.at(pointApplied) {
		f = nil
	}
	landed := f != nil && l.land(f, a) // first, so that the next batch is on its way while these are answered
	l.advance(en.Seq)
	if landed {
		l.answer(f, a)
	}
	if len(a.Settled) > 0 || len(a.Started) > 0 {
		l.effectsChanged(a)
	}
	l.keeper.planned(l.engine.Next())
	return nil
}

// effectsChanged starts and ends effects.
func (l *Log[S]) effectsChanged(a *engine.Applied) {
	if l.reader.live && l.health.healthy() {
		l.effects.changed(a, l.writer.id(), l.canRun)
	} else {
		l.effects.changed(a, "", l.canRun)
	}
}

// weigh compares the claim of an entry's writer with ours. It returns true when it speaks against this replica.
func (l *Log[S]) weigh(a *engine.Applied) bool {
	r := &l.reader
	switch {
	case a.Batch == nil || a.Skipped == engine.SkipForeign:
		return false
	case a.Contradicts:
		ours, _ := l.engine.HashAt(a.Batch.Applied)
		l.metrics.contradictions.Inc()
		l.health.contradictions.Add(1)
		l.log.Error().Str("writer", a.Writer).Uint64("entry", a.Seq).Uint64("claimed", a.Batch.Applied).Msg("a writer claims another result for the same entries")
		return r.contradict(a.Batch, ours)
	case len(r.doubts) > 0 || len(r.wrong) > 0:
		if ours, ok := l.engine.HashAt(a.Batch.Applied); ok && ours == a.Batch.Claim {
			r.agree(a.Batch)
		}
	}
	return false
}

// beginnings are the entries among which several replicas may have begun the log at the same time: one of them has, and the others
// append theirs again.
const beginnings = 16

// report logs what a person should know of an entry.
func (l *Log[S]) report(a *engine.Applied) {
	for i := range a.Replies {
		if p := a.Replies[i].Panic; p != "" {
			l.log.Error().Uint64("entry", a.Seq).Int("command", i).Str("kind", a.Batch.Commands[i].Kind).Str("panic", p).Msg("the machine failed on a command")
		}
	}
	for _, p := range a.Panics {
		l.log.Error().Uint64("entry", a.Seq).Str("panic", p).Msg("the machine failed on a timer")
	}
	if a.Disputed {
		l.log.Error().Uint64("entry", a.Seq).Msg("two replicas have different snapshots of the same entries: both are dropped")
	}
	if a.Skipped == engine.SkipJunk || a.Skipped == engine.SkipForeign && a.Seq > beginnings {
		l.log.Warn().Uint64("entry", a.Seq).Str("why", string(a.Skipped)).Msg("an entry of the log is not one of ours")
	}
}

// land says what became of a batch; true when it was carried out.
func (l *Log[S]) land(f *flight, a *engine.Applied) bool {
	v := carriedOut
	switch a.Skipped {
	case "":
		if !l.reader.live && l.reader.doubted() {
			v = lost // it was carried out, and what it was answered is in doubt
		}
	case engine.SkipStale, engine.SkipForeign:
		v = passedOver
	case engine.SkipUnknown:
		l.writer.rename()
		v = passedOver
	default: // the log was cut, or a copy was carried out where nobody saw it
		l.log.Error().Uint64("entry", a.Seq).Str("why", string(a.Skipped)).Msg("a batch was not carried out, and may yet be")
		l.writer.rename()
		v = lost
	}
	return l.writer.settle(f, v) && v == carriedOut
}

// answer answers those who wait for a batch.
func (l *Log[S]) answer(f *flight, a *engine.Applied) {
	revision := l.token(a.Seq, l.engine.Hash())
	for i, c := range f.calls {
		p := &a.Replies[i]
		if p.Err != nil {
			c.answer(Answer{Seq: a.Seq, Revision: revision, Repeated: p.Repeated}, p.Err)
			continue
		}
		c.answer(Answer{Body: p.Answer, Seq: a.Seq, Revision: revision, Repeated: p.Repeated}, nil)
	}
}

// timeNow estimates the time of the log: that of its newest entry and what has passed since it came.
func (l *Log[S]) timeNow() time.Time {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.engine.Time().Add(l.cfg.hooks.now() - l.received)
}
