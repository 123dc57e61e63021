package session

import (
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// covered tells whether everything in a transcript has its step: the chain shows that what the steps speak of was
// not changed; what no step speaks of could have been added by anybody.
func covered(x *api.Session, steps []api.SessionStep) error {
	type place struct {
		round  int
		member string
	}
	asked, closed, came := map[int]api.SessionStep{}, map[int]time.Time{}, map[place]api.SessionStep{}
	for i, s := range steps {
		switch s.What {
		case stepStarted:
			if i > 0 || !s.At.Equal(x.StartedAt) {
				return altered("step %d does not start the session at %s", s.Number, x.StartedAt)
			}
		case stepAsked:
			if _, again := asked[s.Round]; again {
				return altered("step %d asks round %d again", s.Number, s.Round)
			}
			asked[s.Round] = s
		case stepClosed:
			closed[s.Round] = s.At
		case stepAnswered, stepFailed, stepSilent:
			if s.Member == "" { // the state failed is an end
				continue
			}
			at := place{s.Round, s.Member}
			if _, again := came[at]; again {
				return altered("step %d is one more about %s in round %d", s.Number, s.Member, s.Round)
			}
			came[at] = s
		}
	}
	if n := len(steps); n == 0 || steps[0].What != stepStarted {
		return altered("the steps do not begin with the start")
	} else if end := steps[n-1]; x.State != api.SessionActive && (end.What != string(x.State) || end.Member != "" || !end.At.Equal(x.EndedAt)) {
		return altered("the last step is not the end of the session, which is %s at %s", x.State, x.EndedAt)
	}
	for i := range x.Rounds {
		r := &x.Rounds[i]
		if s, ok := asked[i+1]; !ok || r.Number != i+1 || s.Phase != r.Phase || !s.At.Equal(r.AskedAt) || !closed[i+1].Equal(r.ClosedAt) {
			return altered("round %d is in the transcript, and no step has asked it like that", i+1)
		}
		for j := range r.Asks {
			a := &r.Asks[j]
			s, ok := came[place{i + 1, a.Member}]
			if !fits(a, &s, ok) {
				return altered("what the transcript says of %s in round %d is not what the steps say", a.Member, i+1)
			}
			delete(came, place{i + 1, a.Member})
		}
	}
	for at, s := range came {
		return altered("step %d is about %s in round %d, who is not in the transcript", s.Number, at.member, at.round)
	}
	return nil
}

// fits tells whether a question in the transcript is as the step about it says, or as without one.
func fits(a *api.SessionAsk, s *api.SessionStep, ok bool) bool {
	if !ok {
		return (a.State == api.AskOpen || a.State == api.AskUnneeded) && len(a.Answer) == 0 && a.Error == "" && a.AnsweredAt.IsZero()
	}
	if string(a.State) != s.What || !a.AnsweredAt.IsZero() && !a.AnsweredAt.Equal(s.At) {
		return false
	}
	switch a.State {
	case api.AskAnswered:
		return a.Error == ""
	case api.AskFailed:
		return len(a.Answer) == 0
	}
	return len(a.Answer) == 0 && a.Error == ""
}

func altered(format string, args ...any) error { return api.Errorf(api.Invalid, format, args...) }
