package quota

import "time"

// maxPause bounds what an endpoint may ask for: after a day it is asked again.
const maxPause = 24 * time.Hour

// Rates are the limits that a call has to keep.
type Rates struct {
	Requests, Tokens Limit
}

// Want is what a call asks for.
type Want struct {
	Rates            Rates
	Requests, Tokens int
}

// Possible tells whether the want could be met by an allowance that nobody has used.
func (w Want) Possible() bool {
	return (w.Rates.Requests.PerMinute <= 0 || int64(w.Requests) <= w.Rates.Requests.Most()) &&
		(w.Rates.Tokens.PerMinute <= 0 || int64(w.Tokens) <= w.Rates.Tokens.Most())
}

// State is what is used of the allowances of one key.
type State struct {
	// Since is when the state was made; tickets of another are worth nothing.
	Since time.Time `json:"since"`
	// At is up to when debts are paid. It never goes back: a clock that does pays nothing twice.
	At time.Time `json:"at"`
	// Until is when the endpoint takes calls again.
	Until    time.Time `json:"paused_until,omitzero"`
	Requests Bucket    `json:"requests,omitzero"`
	Tokens   Bucket    `json:"tokens,omitzero"`
}

// Ticket is what a call took, for Settle.
type Ticket struct {
	since            time.Time
	rates            Rates
	requests, tokens claim
}

// Exact tells whether a call used what it took, so that settling changes nothing that others wait for.
func (t Ticket) Exact(requests, tokens int) bool {
	return t.rates.Requests.Cost(requests) == t.requests.cost.Std() && t.rates.Tokens.Cost(tokens) == t.tokens.cost.Std()
}

// Less tells whether a call used less than it took.
func (t Ticket) Less(requests, tokens int) bool {
	return t.rates.Requests.Cost(requests) <= t.requests.cost.Std() && t.rates.Tokens.Cost(tokens) <= t.tokens.cost.Std()
}

// New returns the state of allowances that nobody has used.
func New(now time.Time) State { return State{Since: now, At: now} }

// Sane mends a state that another program may have written, to the side of less.
func (s State) Sane() State {
	s.Requests, s.Tokens = s.Requests.sane(), s.Tokens.sane()
	if latest := s.At.Add(maxPause); s.Until.After(latest) {
		s.Until = latest
	}
	return s
}

// Pass lets the time up to now pass. A now before At changes nothing.
func (s State) Pass(now time.Time) State {
	if d := now.Sub(s.At); d > 0 {
		s.At, s.Requests, s.Tokens = now, s.Requests.pass(d), s.Tokens.pass(d)
	}
	return s
}

// Take lets a call through, or returns for how long it must wait if nobody gives anything back until then.
func (s State) Take(w Want) (State, Ticket, time.Duration) {
	requests, tokens := w.Rates.Requests.Cost(w.Requests), w.Rates.Tokens.Cost(w.Tokens)
	wait := max(s.Paused(), s.Requests.short(requests, w.Rates.Requests), s.Tokens.short(tokens, w.Rates.Tokens))
	if wait > 0 {
		return s, Ticket{}, wait
	}
	t := Ticket{since: s.Since, rates: w.Rates}
	s.Requests, t.requests = s.Requests.take(requests)
	s.Tokens, t.tokens = s.Tokens.take(tokens)
	return s, t, 0
}

// Soonest returns how long a call must wait even if those under way give all their tokens back, when so many wait before it.
func (s State) Soonest(w Want, ahead int) time.Duration {
	tokens := s.Tokens
	tokens.Debt -= tokens.Held
	return max(s.Paused(), s.Requests.short(w.Rates.Requests.Cost(w.Requests+ahead), w.Rates.Requests),
		tokens.short(w.Rates.Tokens.Cost(w.Tokens), w.Rates.Tokens))
}

// Settle corrects what a call took by what it used.
func (s State) Settle(t Ticket, requests, tokens int) State {
	if !t.since.Equal(s.Since) {
		t.requests, t.tokens = claim{}, claim{}
		requests, tokens = 0, 0
	}
	s.Requests = s.Requests.settle(t.requests, t.rates.Requests.Cost(requests))
	s.Tokens = s.Tokens.settle(t.tokens, t.rates.Tokens.Cost(tokens))
	return s
}

// Pause lets nobody through before until, or later if somebody asked for more.
func (s State) Pause(until time.Time) State {
	if latest := s.At.Add(maxPause); until.After(latest) {
		until = latest
	}
	if until.After(s.Until) {
		s.Until = until
	}
	return s
}

// Paused returns for how long nobody is let through.
func (s State) Paused() time.Duration { return min(max(0, s.Until.Sub(s.At)), maxPause) }

// Resume ends a pause.
func (s State) Resume() State {
	s.Until = time.Time{}
	return s
}
