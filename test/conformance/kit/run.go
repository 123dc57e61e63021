package kit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// hello is the first frame of every transcript that does not send one.
const hello = `{"type":"init","protocol":1,"agent":{"id":"conformance","type":"worker","capabilities":["conformance"],"concurrency":4},"config":{}}`

// exitTime is how long a worker may take to end after it was told to.
const exitTime = 5 * time.Second

// Run plays the transcript with a fresh process of the program, and returns what it did wrong.
func (t *Transcript) Run(ctx context.Context, command []string) error {
	w, err := start(ctx, command)
	if err != nil {
		return err
	}
	defer w.end()
	p := &play{worker: w, vars: map[string]any{}}
	if !t.bare && (t.steps[0].verb != ">" || t.steps[0].frame["type"] != "init") {
		if err := p.write(hello); err != nil {
			return err
		}
	}
	for i := 0; i < len(t.steps); {
		n := 1
		for t.steps[i].verb == "<" && i+n < len(t.steps) && t.steps[i+n].group == t.steps[i].group {
			n++
		}
		if err := p.step(ctx, t.steps[i:i+n]); err != nil {
			return fmt.Errorf("line %d: %w%s", t.steps[i].line, err, p.said())
		}
		i += n
	}
	if err := p.finish(ctx); err != nil {
		return fmt.Errorf("at the end: %w%s", err, p.said())
	}
	return nil
}

// play is a transcript on its way.
type play struct {
	worker  *worker
	vars    map[string]any
	ignored []string
	closed  bool // standard input has ended
	exited  bool // as the transcript wanted
}

// said quotes the end of standard error.
func (p *play) said() string {
	text := strings.TrimSpace(p.worker.errors())
	if text == "" {
		return ""
	}
	if len(text) > 2000 {
		text = "..." + text[len(text)-2000:]
	}
	return "\n\tstandard error: " + strings.ReplaceAll(text, "\n", "\n\t")
}

func (p *play) write(line string) error {
	if _, err := io.WriteString(p.worker.in, expand(line, p.vars)+"\n"); err != nil {
		return fmt.Errorf("the worker does not read its standard input: %w", err)
	}
	return nil
}

// step carries out one step, or a group of wanted frames.
func (p *play) step(ctx context.Context, steps []step) error {
	s := steps[0]
	p.ignored = s.ignored
	switch s.verb {
	case ">":
		return p.write(s.raw)
	case "<":
		return p.want(ctx, steps)
	case "silent":
		return p.silent(ctx, s.within)
	case "stop":
		if err := p.write(`{"type":"stop"}`); err != nil {
			return err
		}
		fallthrough
	case "eof":
		p.closed = true
		if err := p.worker.in.Close(); err != nil && !errors.Is(err, os.ErrClosed) { // it has ended by itself
			return err
		}
		return nil
	case "exit":
		return p.exit(ctx, s)
	}
	return p.stderr(ctx, s)
}

// want waits for frames. Those that are about one message come in the order of the transcript, others in any.
func (p *play) want(ctx context.Context, steps []step) error {
	timer := time.NewTimer(steps[0].within)
	defer timer.Stop()
	for len(steps) > 0 {
		f, err := p.next(ctx, timer.C)
		if err != nil {
			return fmt.Errorf("want %s: %w", show(steps[0].frame), err)
		}
		found, blocked := -1, map[string]bool{}
		for i, s := range steps {
			if key := s.frame.key(); !blocked[key] && key == f.key() {
				if match(s.frame, f, p.vars) {
					found = i
					break
				}
				if strings.HasPrefix(key, "message ") {
					blocked[key] = true
				}
			}
		}
		switch {
		case found >= 0:
			steps = append(append([]step{}, steps[:found]...), steps[found+1:]...)
		case !tolerated(f, p.ignored):
			return fmt.Errorf("want %s, have %s", show(steps[0].frame), show(f))
		}
	}
	return nil
}

// next returns the next frame.
func (p *play) next(ctx context.Context, timeout <-chan time.Time) (frame, error) {
	select {
	case l, ok := <-p.worker.frames:
		if !ok {
			return nil, fmt.Errorf("the worker has ended")
		}
		return l.frame, l.err
	case <-timeout:
		return nil, fmt.Errorf("nothing came in time")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// silent waits, and fails when the worker says something.
func (p *play) silent(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case l, ok := <-p.worker.frames:
			switch {
			case !ok:
				return fmt.Errorf("the worker has ended")
			case l.err != nil:
				return l.err
			case !tolerated(l.frame, p.ignored):
				return fmt.Errorf("the worker should say nothing now, and says %s", show(l.frame))
			}
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// exit waits for the end of the program.
func (p *play) exit(ctx context.Context, s step) error {
	timer := time.NewTimer(min(s.within, exitTime))
	defer timer.Stop()
	frames, ended := p.worker.frames, chan struct{}(nil) // what it has said last is heard before its end counts
	for {
		select {
		case l, ok := <-frames:
			if !ok {
				frames, ended = nil, p.worker.ended
			} else if l.err != nil {
				return l.err
			} else if !tolerated(l.frame, p.ignored) {
				return fmt.Errorf("the worker should end, and says %s", show(l.frame))
			}
			continue
		case <-ended:
		case <-timer.C:
			return fmt.Errorf("the worker has not ended in time")
		case <-ctx.Done():
			return ctx.Err()
		}
		p.exited = true
		have := p.worker.status()
		if s.status == "not 0" && have == 0 || s.status != "not 0" && s.status != "any" && s.status != strconv.Itoa(have) {
			return fmt.Errorf("the worker ended with status %d, want %s", have, s.status)
		}
		return nil
	}
}

// stderr waits until standard error holds a text.
func (p *play) stderr(ctx context.Context, s step) error {
	timer := time.NewTimer(s.within)
	defer timer.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(p.worker.errors(), s.text) {
		select {
		case <-tick.C:
		case <-timer.C:
			return fmt.Errorf("standard error does not hold %q", s.text)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// finish stops a worker that the transcript has not ended: it must end at once, in order, and without another word.
func (p *play) finish(ctx context.Context) error {
	if p.exited {
		return nil
	}
	if !p.closed {
		if err := p.step(ctx, []step{{verb: "stop", ignored: p.ignored}}); err != nil {
			return err
		}
	}
	return p.exit(ctx, step{status: "0", within: exitTime})
}
