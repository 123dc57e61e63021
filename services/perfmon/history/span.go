package history

import "iter"

// fine is the longest time, in seconds, that is always made of seconds as far as there are any: beyond it whole minutes are taken as such.
const fine = 5 * minute

// Span is a part of what a tier remembers. It does not change while the tier goes on.
type Span struct {
	// From and To are Unix seconds; To is not within. They are wider than what was asked for where there are minutes alone.
	From, To int64
	// Blocks are in the order of their times.
	Blocks []*Block
}

// Span returns what there is from one time to another, in Unix seconds.
func (t *Tier) Span(from, to int64) Span {
	s := Span{From: from, To: to}
	secondsFrom := t.seconds.Since()
	for at := from; at < to; {
		begin := at - at%minute
		end := min(begin+minute, to)
		m := t.minutes.Find(begin)
		whole := at == begin && end == begin+minute
		switch {
		case m != nil && (whole && to-from > fine || secondsFrom == 0 || at < secondsFrom):
			s.Blocks = append(s.Blocks, m)
			s.From, s.To = min(s.From, begin), max(s.To, begin+minute)
		case secondsFrom > 0 && end > secondsFrom:
			s.Blocks = append(s.Blocks, t.seconds.Between(at, end)...)
		}
		at = end
	}
	if t.second >= from && t.second < to {
		s.Blocks = append(s.Blocks, t.open...)
	}
	if s.To > to { // the last minute of the past, not the future
		s.To = max(to, min(s.To, t.second+1))
	}
	return s
}

// Stepped cuts a span into steps that begin at multiples of so many seconds, the newest first. A block that is longer than a step counts
// where it ends.
func (s Span) Stepped(step int64) iter.Seq[Span] {
	return func(yield func(Span) bool) {
		end := len(s.Blocks)
		for to := s.To; to > s.From && end > 0; to -= (to-1)%step + 1 {
			part := Span{From: max(to-1-(to-1)%step, s.From), To: to}
			begin := end
			for begin > 0 && s.Blocks[begin-1].To > part.From {
				begin--
			}
			part.Blocks = s.Blocks[begin:end]
			end = begin
			if !yield(part) {
				return
			}
		}
	}
}
