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
	barWidth   = 24
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
	rate rate
}

func newScreen(w io.Writer, quiet bool) *screen {
	f, ok := w.(*os.File)
	return &screen{w: w, terminal: ok && isTerminal(f) && os.Getenv("TERM") != "dumb", quiet: quiet}
}

func (s *screen) begin(id, file string, r *run.Run) {
	s.run, s.quit, s.done, s.rate = r, make(chan struct{}), make(chan struct{}), rate{begun: time.Now()}
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
			s.draw(false)
		}
	}
}

// end draws a last time and leaves the screen to others.
func (s *screen) end() {
	close(s.quit)
	<-s.done
	s.draw(true)
}

// warn prints a line above the bar.
func (s *screen) warn(format string, args ...any) {
	fmt.Fprintf(s, "warning: "+format+"\n", args...)
}

// Write prints whole lines above the bar, which is drawn again below them in a moment.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.terminal {
		fmt.Fprint(s.w, clearLine)
	}
	return s.w.Write(p)
}

const clearLine = "\r\x1b[K"

func (s *screen) draw(last bool) {
	if s.quiet {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.run.Stats()
	now := time.Now()
	s.rate.add(now, st.Ended()-st.Resumed)
	text := progress(st, &s.rate)
	if last {
		text = total(st, now.Sub(s.rate.begun))
	}
	if s.terminal {
		text = clearLine + bar(st) + " " + text
	}
	if last || !s.terminal {
		text += "\n"
	}
	fmt.Fprint(s.w, text)
}

// progress is one line on how a run stands.
func progress(st run.Stats, r *rate) string {
	of, eta := fmt.Sprint(st.Planned), "-"
	if !st.Complete {
		of += "+" // inputs are still being read
	} else if left, ok := r.eta(st.Planned - st.Ended()); ok {
		eta = left.String()
	}
	return fmt.Sprintf("%d/%s done, %d failed, %.0f/s, ETA %s", st.Ended(), of, st.Failed, r.perSecond, eta)
}

// total is the line that a run leaves behind.
func total(st run.Stats, took time.Duration) string {
	text := fmt.Sprintf("%d/%d done, %d failed, in %s", st.Ended(), st.Planned, st.Failed, took.Round(100*time.Millisecond))
	if st.Resumed > 0 {
		text += fmt.Sprintf(", %d of them before", st.Resumed)
	}
	return text
}

func bar(st run.Stats) string {
	full := 0
	if st.Planned > 0 {
		full = barWidth * st.Ended() / st.Planned
	}
	colour := "\x1b[32m"
	if st.Failed > 0 {
		colour = "\x1b[33m"
	}
	return colour + strings.Repeat("█", full) + "\x1b[2m" + strings.Repeat("░", barWidth-full) + "\x1b[0m"
}

// rate is a moving average of outcomes per second, over five seconds or since the beginning.
type rate struct {
	begun     time.Time
	at        time.Time
	count     int
	perSecond float64
}

func (r *rate) add(now time.Time, count int) {
	if r.at.IsZero() {
		r.at = r.begun
	}
	dt := now.Sub(r.at).Seconds()
	if dt <= 0 {
		return
	}
	window := min(now.Sub(r.begun).Seconds(), 5)
	weight := min(dt/window, 1)
	r.perSecond += weight * (float64(count-r.count)/dt - r.perSecond)
	r.at, r.count = now, count
}

// eta is how long so many more take at this rate, in whole seconds; not ok when nothing is known, or it is days away.
func (r *rate) eta(left int) (time.Duration, bool) {
	const most = 100 * 3600
	if seconds := float64(left) / r.perSecond; r.perSecond > 0 && seconds < most {
		return time.Duration(seconds+0.5) * time.Second, true
	}
	return 0, false
}
