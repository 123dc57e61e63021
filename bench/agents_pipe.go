package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

var resultHead = []byte(`{"type":"result","id":"`)

// frameOf is the line that the exec runtime writes for a call: a message with an id and a deadline.
func frameOf(line []byte, id uint64, deadline, payload []byte) []byte {
	line = append(line[:0], messageHead...)
	line = strconv.AppendUint(line, id, 10)
	line = append(line, `","deadline":"`...)
	line = append(line, deadline...)
	line = append(line, `","payload":`...)
	line = append(line, payload...)
	return append(line, "}\n"...)
}

// answerOf takes the payload of an answer, which must be that to the message with the id.
func answerOf(line []byte, id uint64) ([]byte, error) {
	rest, ok := bytes.CutPrefix(line, resultHead)
	digits, rest, quoted := bytes.Cut(rest, []byte(`"`))
	_, body, given := bytes.Cut(rest, payloadHead)
	end := bytes.LastIndexByte(body, '}')
	if got, err := strconv.ParseUint(string(digits), 10, 64); !ok || !quoted || !given || end < 0 || err != nil || got != id {
		return nil, fmt.Errorf("%w: %.80q is not the answer to %d", errAnswer, line, id)
	}
	return body[:end], nil
}

// until is a deadline as it stands in a frame.
func until(d time.Duration) []byte {
	return time.Now().Add(d).UTC().AppendFormat(nil, time.RFC3339Nano)
}

// pipe is a program at the end of a plain loop, which answers in order.
type pipe struct {
	*child
	w    *bufio.Writer
	line []byte
	sent uint64
	done uint64
}

func openPipe(command []string) (*pipe, error) {
	c, err := startChild(command)
	if err != nil {
		return nil, err
	}
	return &pipe{child: c, w: bufio.NewWriterSize(c.in, maxFrame)}, nil
}

// turn is one turn of one goroutine with so many messages in flight: it writes what there is room for, and flushes when
// there is nothing more to read.
func (p *pipe) turn(ctx context.Context, inFlight int, d time.Duration) (load, error) {
	times := make([]time.Duration, 0, 1<<16)
	at := make([]time.Time, inFlight) // when a message was written, by its number
	deadline := until(d)
	cpu, begin := cpuTime(), time.Now()
	write := func(now time.Time) {
		p.sent++
		at[p.sent%uint64(inFlight)] = now
		p.line = frameOf(p.line, p.sent, deadline, payload)
		_, _ = p.w.Write(p.line) // an error of the writer stays
	}
	for range inFlight {
		write(begin)
	}
	for now := begin; p.done < p.sent; {
		if p.out.Buffered() == 0 {
			if err := p.w.Flush(); err != nil {
				return load{}, err
			}
		}
		line, err := p.out.ReadSlice('\n')
		if err != nil {
			return load{}, fmt.Errorf("read the program's answer: %w", err)
		}
		p.done++
		body, err := answerOf(line, p.done)
		if err != nil {
			return load{}, err
		}
		if err := sameValue(body); err != nil {
			return load{}, err
		}
		now = time.Now()
		times = append(times, now.Sub(at[p.done%uint64(inFlight)]))
		if now.Sub(begin) < d && ctx.Err() == nil {
			write(now)
		}
	}
	l := load{ops: len(times), took: time.Since(begin), cpu: cpuTime() - cpu}
	l.p50, l.p99 = percentiles(times)
	return l, ctx.Err()
}

// bridge passes requests on a subject to a program, and its answers back: the least that has to be done.
func bridge(nc *nats.Conn, subject string, command []string) (end func(), err error) {
	const most = 1 << 12 // requests under way
	p, err := openPipe(command)
	if err != nil {
		return nil, err
	}
	requests, replies := make(chan *nats.Msg, most), make(chan string, most)
	sub, err := nc.ChanSubscribe(subject, requests)
	if err != nil {
		p.stop()
		return nil, err
	}
	var both sync.WaitGroup
	stop := make(chan struct{})
	both.Go(func() { p.pass(requests, replies, stop) })
	both.Go(func() { // ends with the program's output
		for id := uint64(1); ; id++ {
			line, err := p.out.ReadSlice('\n')
			if err != nil {
				return
			}
			if body, err := answerOf(line, id); err == nil {
				_ = nc.Publish(<-replies, body)
			}
		}
	})
	return func() {
		_ = sub.Unsubscribe()
		close(stop)
		p.stop()
		both.Wait()
	}, nil
}

// pass writes requests until stop is closed, and keeps where their answers go.
func (p *pipe) pass(requests <-chan *nats.Msg, replies chan<- string, stop <-chan struct{}) {
	for {
		select {
		case m := <-requests:
			p.sent++
			p.line = frameOf(p.line, p.sent, until(time.Second), m.Data)
			select {
			case replies <- m.Reply:
			case <-stop:
				return
			}
			_, _ = p.w.Write(p.line) // an error of the writer stays
			if len(requests) == 0 && p.w.Flush() != nil {
				return
			}
		case <-stop:
			return
		}
	}
}
