package isolate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Options is what the host adds to a request. The zero value works.
type Options struct {
	// Host is the name that the answer gives.
	Host string

	set settings // of tests
}

// Run runs a command once, in a process group of its own, and waits for it. When ctx ends, the command and all that it
// has started are killed; so is what it leaves behind when it ends by itself. A command that a signal has ended has the exit
// code 128 and the number of the signal, as shells say it. Bytes of the output that are not UTF-8 arrive as U+FFFD.
//
// Errors: invalid; failed_precondition (start_failed) if it cannot be run, (out_of_memory) if it needed more than its memory,
// (payload_too_large) if it wrote more than api.MaxIsolatedOutput; deadline_exceeded and cancelled, both with maybe_executed.
func Run(ctx context.Context, req *api.IsolateRequest, opt Options) (*api.IsolateResponse, error) {
	if err := req.Validate(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, gaveUp(err)
	}
	input, err := text(req.Input)
	if err != nil {
		return nil, err
	}
	cmd, err := Command(req.Command, req.Dir, req.Env)
	if err != nil {
		return nil, err
	}
	s, err := OpenStreams(cmd)
	if err != nil {
		return nil, err
	}
	defer s.CloseHost()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	opt.set.track = true
	begin := time.Now()
	p, err := start(cmd, req.Resources, opt.set)
	s.CloseChild()
	if err != nil {
		if e := api.AsError(err); e != nil {
			return nil, e
		}
		return nil, StartFailed("%s could not be started: %v; see that it is executable and that its interpreter exists", req.Command[0], err)
	}
	defer p.Close()
	limit := opt.set.maxOutput
	if limit == 0 {
		limit = api.MaxIsolatedOutput
	}
	out, tail := collector{limit: limit, full: p.Kill}, collector{limit: api.MaxIsolatedStderr}
	var copies sync.WaitGroup
	copies.Go(func() { s.feed(input) })
	copies.Go(func() { out.read(s.Stdout) })
	copies.Go(func() { tail.read(s.Stderr) })
	release := context.AfterFunc(ctx, p.Kill)
	waitErr := p.Wait(nil)
	took := time.Since(begin)
	inTime := release()
	s.Drain()
	copies.Wait()
	if exit := (*osexec.ExitError)(nil); waitErr != nil && !errors.As(waitErr, &exit) {
		return nil, fmt.Errorf("wait for the command: %w", waitErr)
	}
	used := p.final()
	resp := &api.IsolateResponse{
		Stderr: strings.ToValidUTF8(string(tail.data), "\uFFFD"), ExitCode: exitCode(waitErr), Host: opt.Host, Enforced: p.Enforced(), Took: api.Duration(took),
		PeakMemory: used.Peak, UserTime: api.Duration(used.User), SystemTime: api.Duration(used.System),
	}
	switch oom := p.OutOfMemory(); {
	case oom != nil:
		return nil, api.Errorf(api.FailedPrecondition, "the command was ended: %v; give it more memory or less to do", oom).WithReason(api.ReasonOutOfMemory)
	case out.over:
		return nil, tooLarge(limit)
	case !inTime:
		return nil, gaveUp(ctx.Err()).MaybeExecuted()
	}
	resp.Output, err = value(out.data)
	if err == nil && len(resp.Output) > api.MaxPayload-1<<20 { // escapes may make much of little
		err = api.Errorf(api.FailedPrecondition, "the command's output is too large as a JSON string: have it write files instead").WithReason(api.ReasonPayloadTooLarge)
	}
	return resp, err
}

func tooLarge(limit int) *api.Error {
	return api.Errorf(api.FailedPrecondition, "the command wrote more than the %d bytes of output that are kept: have it write files instead", limit).WithReason(api.ReasonPayloadTooLarge)
}

func gaveUp(err error) *api.Error {
	if errors.Is(err, context.DeadlineExceeded) {
		return api.Errorf(api.DeadlineExceeded, "the command did not end in time: it and all that it had started were killed").WithReason(api.ReasonTimeout)
	}
	return api.Errorf(api.Cancelled, "the command was given up: it and all that it had started were killed")
}

// text is what a JSON string says, or any other value as it is.
func text(input json.RawMessage) ([]byte, error) {
	if len(input) == 0 || input[0] != '"' {
		return input, nil
	}
	var s string
	if err := codec.Read(input, &s); err != nil {
		return nil, api.Errorf(api.Invalid, "input must be valid JSON").WithFields("input")
	}
	return []byte(s), nil
}

// value is the JSON value that the output is, or else a JSON string of it.
func value(out []byte) (json.RawMessage, error) {
	if codec.Valid(out) {
		return bytes.TrimSpace(out), nil
	}
	data, err := codec.Marshal(strings.ToValidUTF8(string(out), "\uFFFD"))
	if err != nil {
		return nil, fmt.Errorf("encode the output: %w", err)
	}
	return data, nil
}

// collector keeps what a command writes: the beginning, and no more is wanted when that is full; or the end.
type collector struct {
	limit int
	full  func() // nil to keep the end
	data  []byte
	over  bool
}

func (c *collector) read(f *os.File) {
	buf := make([]byte, 32<<10)
	for {
		n, err := f.Read(buf)
		switch {
		case c.full == nil:
			c.data = append(c.data, buf[:n]...)
			if len(c.data) > 2*c.limit {
				c.data = append(c.data[:0], c.data[len(c.data)-c.limit:]...)
			}
		case c.over:
		case len(c.data)+n <= c.limit:
			c.data = append(c.data, buf[:n]...)
		default:
			c.over, c.data = true, nil
			c.full()
		}
		if err != nil {
			c.data = c.data[max(0, len(c.data)-c.limit):]
			return
		}
	}
}
