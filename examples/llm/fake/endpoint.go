package fake

import (
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"
)

// The models that choose a behaviour. Any other model, Steady included, behaves as Options say, except that Steady never
// fails.
const (
	Steady = "steady" // never fails
	Flaky  = "flaky"  // fails a third of the tries, in every way there is but Hang
	Slow   = "slow"   // thinks for a second and takes 50ms for each token, if Options name nothing longer
	Broken = "broken" // answers 500 to everything
)

// Options say how an Endpoint behaves. The zero value answers at once and never fails.
type Options struct {
	// Seed chooses which tries fail.
	Seed uint64
	// Faults are what goes wrong how often.
	Faults Faults
	// Latency passes before anything is answered, PerToken before each token of it.
	Latency  time.Duration
	PerToken time.Duration
	// RequestsPerMinute is the rate above which requests are refused with 429 and Retry-After; no bound unless given. The
	// allowance is given back at an even pace, and Burst of it may be used at once: RequestsPerMinute unless given.
	RequestsPerMinute int
	Burst             int
	// RetryAfter is what a 429 that is a fault asks for, in whole seconds: none unless given.
	RetryAfter time.Duration
	// Key is the bearer token that requests must carry; none unless given.
	Key string
}

// Endpoint is the http.Handler of the endpoint: POST /v1/chat/completions, and GET /stats for its Stats.
type Endpoint struct {
	opt Options
	mux *http.ServeMux

	mu    sync.Mutex
	stats Stats
	next  []Fault        // of the requests to come, before Faults are asked
	tries map[uint64]int // how often each prompt was asked, by its hash
	free  time.Time      // when the allowance is whole again
}

// maxTries bounds how many prompts are remembered; then the counting begins anew.
const maxTries = 100_000

// Stats counts what an endpoint was asked and how it answered. A request counts in Requests and in one of the others.
type Stats struct {
	Requests int `json:"requests"`
	// Answered were answered in full, Streamed of them by events.
	Answered int `json:"answered"`
	Streamed int `json:"streamed"`
	// Refused came without the key or made no sense, Limited were over the rate.
	Refused int `json:"refused"`
	Limited int `json:"limited"`
	// Left counts callers that went away before their answer was complete.
	Left   int           `json:"left"`
	Faults map[Fault]int `json:"faults"`
	// Active is how many requests are being answered, Most how many have been at once.
	Active int `json:"active"`
	Most   int `json:"most"`
	// TokensIn and TokensOut are the usage of the answers given in full.
	TokensIn  int64 `json:"tokens_in"`
	TokensOut int64 `json:"tokens_out"`
	// Models counts the answers given in full by the model that was asked for; the first 100 models.
	Models map[string]ModelStats `json:"models"`
}

// ModelStats counts what one model answered.
type ModelStats struct {
	Answered  int   `json:"answered"`
	TokensIn  int64 `json:"tokens_in"`
	TokensOut int64 `json:"tokens_out"`
}

// maxModels bounds how many models are told apart.
const maxModels = 100

// New makes an endpoint.
func New(opt Options) *Endpoint {
	e := &Endpoint{opt: opt, mux: http.NewServeMux(), tries: map[uint64]int{}, stats: Stats{Faults: map[Fault]int{}, Models: map[string]ModelStats{}}}
	e.mux.HandleFunc("POST /v1/chat/completions", e.complete)
	e.mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, e.Stats()) })
	return e
}

// ServeHTTP implements http.Handler.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) { e.mux.ServeHTTP(w, r) }

// Stats returns what was counted so far.
func (e *Endpoint) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.stats
	s.Faults, s.Models = maps.Clone(s.Faults), maps.Clone(s.Models)
	return s
}

// Next makes the next requests fail in the given ways, one each; None lets one pass. Faults come after that.
func (e *Endpoint) Next(faults ...Fault) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.next = append(e.next, faults...)
}

func (e *Endpoint) count(change func(s *Stats)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(&e.stats)
}

// begin takes a request in, and returns how long it must wait if it is over the rate.
func (e *Endpoint) begin(now time.Time) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stats.Requests++
	e.stats.Active++
	e.stats.Most = max(e.stats.Most, e.stats.Active)
	if e.opt.RequestsPerMinute <= 0 {
		return 0
	}
	burst := e.opt.Burst
	if burst <= 0 {
		burst = e.opt.RequestsPerMinute
	}
	each := time.Minute / time.Duration(e.opt.RequestsPerMinute)
	if e.free.Before(now) {
		e.free = now
	}
	if wait := e.free.Add(each).Sub(now) - time.Duration(burst)*each; wait > 0 {
		e.stats.Limited++
		return wait
	}
	e.free = e.free.Add(each)
	return 0
}

func (e *Endpoint) authorised(r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return e.opt.Key == "" || ok && token == e.opt.Key
}
