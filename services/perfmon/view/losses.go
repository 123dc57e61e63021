package view

import (
	"slices"
	"time"
)

const maxLosses = 10_000

// loss is something that was lost.
type loss struct {
	at time.Time
	n  uint64
}

// losses are those of the last hour.
type losses []loss

// add adds to what was lost, in one with what was lost within the same second.
func (l *losses) add(one loss) {
	if n := len(*l); n > 0 && (n >= maxLosses || one.at.Sub((*l)[n-1].at).Abs() < time.Second) {
		(*l)[n-1].n += one.n
		return
	}
	*l = append(*l, one)
}

// take takes back what was not lost after all.
func (l *losses) take(one loss) {
	best := -1
	for i, x := range *l {
		if x.n > 0 && (best < 0 || x.at.Sub(one.at).Abs() < (*l)[best].at.Sub(one.at).Abs()) {
			best = i
		}
	}
	if best < 0 {
		return
	}
	if (*l)[best].n -= one.n; (*l)[best].n == 0 {
		*l = slices.Delete(*l, best, best+1)
	}
}

// tidy forgets what is older than an hour.
func (l *losses) tidy(at time.Time) {
	*l = slices.DeleteFunc(*l, func(one loss) bool { return at.Sub(one.at) > remembered })
}

// count returns how much was lost within the last hour, and since when.
func (l losses) count(at time.Time) (n uint64, since time.Time) {
	for _, one := range l {
		if at.Sub(one.at) > remembered {
			continue
		}
		n += one.n
		if since.IsZero() || one.at.Before(since) {
			since = one.at
		}
	}
	return n, since
}
