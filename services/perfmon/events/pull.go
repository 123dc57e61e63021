package events

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/await"
	"github.com/mabus-project/mabus/shared/codec"
)

const (
	burst      = 4096                 // messages of one pull at most
	busy       = 64                   // from so many in one pull on there is a rest before the next
	rest       = 5 * time.Millisecond // which is what a replica is behind at most for that
	pullTime   = 30 * time.Second     // after which a pull that has got nothing is made again
	tellAlive  = time.Second          // how often the server says meanwhile that it is there
	silence    = 3 * tellAlive        // after which it is not
	roomBeside = 64                   // for what the server says beside the messages of a pull
)

// puller takes messages from a consumer in bursts, one pull after the other, each of which ends with what the stream has by then. Whoever
// takes them one by one as they are stored has the server go to and fro between writing and reading, with a lock and a switch for each:
// that halves what it can take in.
type puller struct {
	nc      *nats.Conn
	sub     *nats.Subscription
	in      chan *nats.Msg
	subject string // that pulls are asked for on
	inbox   string
	request []byte

	pulls int
	reply string // of the pull that is under way; "" when there is none
	got   int    // messages of it, or of the last
	timer *time.Timer
	heard time.Time // when something was heard, or waited for first; zero while more is there than is taken
}

// pullRequest asks a consumer for messages: with no wait and a time, it waits for the first alone.
type pullRequest struct {
	Batch     int   `json:"batch"`
	MaxBytes  int   `json:"max_bytes"`
	Expires   int64 `json:"expires"`        // nanoseconds
	Heartbeat int64 `json:"idle_heartbeat"` // nanoseconds
	NoWait    bool  `json:"no_wait"`
}

// newPuller returns a puller; close must be called.
func newPuller(nc *nats.Conn, stream, consumer string, maxBytes int) (*puller, error) {
	request, err := codec.Marshal(pullRequest{burst, maxBytes, int64(pullTime), int64(tellAlive), true})
	if err != nil {
		return nil, err
	}
	p := &puller{
		nc: nc, in: make(chan *nats.Msg, burst+roomBeside), subject: "$JS.API.CONSUMER.MSG.NEXT." + stream + "." + consumer,
		inbox: nc.NewInbox() + ".", request: request, timer: time.NewTimer(time.Hour),
	}
	if p.sub, err = nc.ChanSubscribe(p.inbox+"*", p.in); err != nil {
		return nil, fmt.Errorf("pull: %w", err)
	}
	return p, nil
}

func (p *puller) close() {
	p.timer.Stop()
	_ = p.sub.Unsubscribe() // fails when the connection is closed, and then there is nothing to end
}

var errSilent = errors.New("nothing is heard of the consumer")

// next returns the next message; nats.ErrTimeout if there is none within a time, the error of ctx when it ends, and any other error when
// there will be none.
func (p *puller) next(ctx context.Context, wait time.Duration) (*nats.Msg, error) {
	begin := time.Time{}
	for {
		if p.reply == "" {
			if err := p.pull(ctx); err != nil {
				return nil, err
			}
		}
		var msg *nats.Msg
		select {
		case msg = <-p.in:
			p.heard = time.Time{}
		default:
			if begin.IsZero() {
				begin = time.Now()
			}
			var err error
			if msg, err = p.wait(ctx, wait-time.Since(begin)); err != nil {
				return nil, err
			}
		}
		if msg.Reply == "" {
			if err := p.told(msg); err != nil {
				return nil, err
			}
			continue
		}
		if p.got++; p.got == burst {
			p.reply = ""
		}
		return msg, nil
	}
}

// wait waits for something to be heard.
func (p *puller) wait(ctx context.Context, most time.Duration) (*nats.Msg, error) {
	if p.heard.IsZero() {
		p.heard = time.Now()
	}
	p.timer.Reset(max(most, 0))
	select {
	case msg := <-p.in:
		p.heard = time.Time{}
		return msg, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.timer.C:
	}
	if time.Since(p.heard) > silence {
		return nil, errSilent
	}
	return nil, nats.ErrTimeout
}

// pull asks for messages. Where there are many it lets some more come together before.
func (p *puller) pull(ctx context.Context) error {
	if p.got >= busy && p.got < burst {
		if !await.Pause(ctx, rest) {
			return ctx.Err()
		}
	}
	p.pulls++
	p.got, p.heard, p.reply = 0, time.Time{}, p.inbox+strconv.Itoa(p.pulls)
	return p.nc.PublishRequest(p.subject, p.reply, p.request)
}

// told takes in what the server says of a pull, which may be one that is over.
func (p *puller) told(msg *nats.Msg) error {
	if msg.Subject != p.reply {
		return nil
	}
	text := msg.Header.Get("Description")
	switch status := msg.Header.Get("Status"); {
	case status == "100": // that it is there
	case status == "404", status == "408", status == "409" && (strings.Contains(text, "MaxBytes") || strings.Contains(text, "Batch Completed")):
		p.reply = ""
	default:
		return fmt.Errorf("the consumer gives no more: %s %s", status, text)
	}
	return nil
}
