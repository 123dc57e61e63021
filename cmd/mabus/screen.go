package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/mabus-project/mabus/client/job/run"
)

const (
	barWidth   = 30
	redraw     = 100 * time.Millisecond
	plainEvery = 5 * time.Second
)

// screen shows how a run stands: a bar that is drawn over on a terminal, a line now and then elsewhere.
type screen struct {
	w        io.Writer
	terminal bool
	quiet    bool

	mu   sync.Mutex
	run  *run.Run
	quit chan struct{}
	done chan struct{}
	// rate is a moving average of outcomes per second, over some five seconds.
	rate   float64
	last   int
	lastAt time.Time
}

func newScreen(w io.Writer, quiet bool) *screen {
	f, ok := w.(*os.File)
	return &screen{w: w, terminal: ok && isTerminal(f), quiet: quiet}
}

func (s *screen) begin(id, file string, r *run.Run) {
	s.run, s.quit, s.done, s.lastAt = r, make(chan struct{}), make(chan struct{}), time.Now()
	if !s.quiet {
		fmt.Fprintf(s.w, "run %s of %s\n", id, file)
	}
	go s.loop()
}

func (s *screen) loop() {
	defer close(s.done)
	every := plainEvery
	if s.terminal {
		every = redraw
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-s.quit:
			return
		case <-tick.C:
			s.draw()
		}
	}
}

// end draws a last time and leaves the screen to others.
func (s *screen) end() {
	close(s.quit)
	<-s.done
	s.draw()
	if s.terminal && !s.quiet {
		fmt.Fprintln(s.w)
	}
}

// warn prints a line above the bar.
func (s *screen) warn(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.terminal {
		fmt.Fprint(s.w, "\r\x1b[K")
	}
	fmt.Fprintf(s.w, "warning: "+format+"\n", args...)
}

func (s *screen) draw() {
	if s.quiet {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.run.Stats()
	now := time.Now()
	if dt := now.Sub(s.lastAt).Seconds(); dt > 0 {
		weight := min(dt/5, 1)
		s.rate += weight * (float64(st.Ended()-s.last-0)/dt - s.rate)
		s.last, s.lastAt = st.Ended(), now
	}
	line := s.line(st)
	if s.terminal {
		fmt.Fprint(s.w, "\r\x1b[K"+line)
		return
	}
	fmt.Fprintln(s.w, line)
}

func (s *screen) line(st run.Stats) string {
	ended, planned := st.Ended(), st.Planned
	of := fmt.Sprint(planned)
	eta := "-"
	if !st.Complete {
		of += "+" // inputs are still being read
	} else if s.rate > 0.01 {
		eta = (time.Duration(float64(planned-ended)/s.rate) * time.Second).String()
	}
	text := fmt.Sprintf("%d/%s done, %d failed, %.0f/s, ETA %s", ended, of, st.Failed, s.rate, eta)
	if !s.terminal {
		return text
	}
	full := 0
	if planned > 0 {
		full = barWidth * ended / planned
	}
	colour := "\x1b[32m"
	if st.Failed > 0 {
		colour = "\x1b[33m"
	}
	return colour + strings.Repeat("█", full) + "\x1b[2m" + strings.Repeat("░", barWidth-full) + "\x1b[0m " + text
}
