package fake

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"strings"
)

// Fault is a way in which an answer goes wrong.
type Fault string

// The faults.
const (
	None        Fault = ""
	RateLimit   Fault = "rate_limit"   // 429
	ServerError Fault = "server_error" // 500
	Hang        Fault = "hang"         // no answer until the caller goes away
	Cut         Fault = "cut"          // the connection ends in the middle of the answer
	Malformed   Fault = "malformed"    // 200, with JSON that breaks off
)

// Faults are how many of a hundred tries go wrong, by the way they do.
type Faults struct {
	RateLimit   int `json:"rate_limit"`
	ServerError int `json:"server_error"`
	Hang        int `json:"hang"`
	Cut         int `json:"cut"`
	Malformed   int `json:"malformed"`
}

// Set reads faults as a command line gives them: "rate_limit=10,cut=5".
func (f *Faults) Set(s string) error {
	read, sum := Faults{}, 0
	to := map[Fault]*int{RateLimit: &read.RateLimit, ServerError: &read.ServerError, Hang: &read.Hang, Cut: &read.Cut, Malformed: &read.Malformed}
	for _, part := range strings.Split(s, ",") {
		name, percent, _ := strings.Cut(part, "=")
		n, err := strconv.Atoi(percent)
		at, ok := to[Fault(name)]
		if err != nil || !ok || n < 0 || n > 100 {
			return fmt.Errorf("want a fault and how many of a hundred tries have it, such as cut=5, have %.40q", part)
		}
		sum += n - *at
		*at = n
	}
	if sum > 100 {
		return fmt.Errorf("%d of a hundred tries cannot fail", sum)
	}
	*f = read
	return nil
}

var flaky = Faults{RateLimit: 10, ServerError: 11, Cut: 6, Malformed: 6}

// fault chooses what goes wrong with this try of a prompt.
func (e *Endpoint) fault(model, prompt string) Fault {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.tries) >= maxTries {
		clear(e.tries)
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(model + "\x00" + prompt))
	key := h.Sum64()
	try := e.tries[key]
	e.tries[key]++
	f := None
	switch {
	case len(e.next) > 0:
		f, e.next = e.next[0], e.next[1:]
	case model == Broken:
		f = ServerError
	case model == Flaky:
		f = e.opt.choose(flaky, key, try)
	case model != Steady:
		f = e.opt.choose(e.opt.Faults, key, try)
	}
	if f != None {
		e.stats.Faults[f]++
	}
	return f
}

func (o *Options) choose(of Faults, key uint64, try int) Fault {
	n := rand.New(rand.NewPCG(o.Seed, key+uint64(try))).IntN(100)
	for _, c := range []struct {
		percent int
		fault   Fault
	}{{of.RateLimit, RateLimit}, {of.ServerError, ServerError}, {of.Hang, Hang}, {of.Cut, Cut}, {of.Malformed, Malformed}} {
		if n < c.percent {
			return c.fault
		}
		n -= c.percent
	}
	return None
}
