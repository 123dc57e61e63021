package rpc

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Heartbeat is how often a stream that has nothing to say shows that it lives. A reader that has heard nothing for three of
// them takes the sender for lost.
const Heartbeat = 5 * time.Second

// MaxCredit bounds what a reader may ask to be sent ahead.
const MaxCredit = 4096

// Sender sends the parts of one answer. It holds back chunks and progress until the reader has room for them. It is safe for
// concurrent use; parts go out in the order of the calls.
type Sender struct {
	conn   *Conn
	to     string
	home   string // where the reader grants credit
	close  func()
	beat   *time.Timer
	period time.Duration

	mu     sync.Mutex
	seq    uint64
	credit int
	room   chan struct{} // closed and made anew when credit comes
	ended  bool
	input  chan *nats.Msg
}

// NewSender begins a stream in answer to a request that asked for one: its header api.HeaderStream is the credit that the
// reader gives for a start. It returns nil for a request that did not. End must be called.
func (c *Conn) NewSender(header nats.Header, reply string) (*Sender, error) {
	ask := header.Get(api.HeaderStream)
	if ask == "" || !c.mayReply(reply) {
		return nil, nil
	}
	n, err := strconv.Atoi(ask)
	if err != nil || n < 1 || n > MaxCredit {
		return nil, api.Errorf(api.Invalid, "the header %s must be 1 to %d: how many parts may be sent ahead", api.HeaderStream, MaxCredit).WithFields(api.HeaderStream)
	}
	s := &Sender{conn: c, to: reply, credit: n, room: make(chan struct{}), period: c.state.heartbeat()}
	id, home, err := c.listen(s, "")
	if err != nil {
		return nil, err
	}
	s.home, s.close = home, func() { c.state.inbox.remove(id) }
	s.mu.Lock()
	s.beat = time.AfterFunc(s.period, s.heartbeat)
	s.mu.Unlock()
	return s, nil
}

// Send sends one part, chunk or progress, when the reader has room for it. It fails when ctx ends first.
func (s *Sender) Send(ctx context.Context, kind api.PartKind, body []byte) error {
	msg, drop, err := s.pack(ctx, body)
	if err != nil {
		return err
	}
	for {
		s.mu.Lock()
		if s.ended {
			s.mu.Unlock()
			drop()
			return api.Errorf(api.FailedPrecondition, "the stream has ended")
		}
		if s.credit > 0 {
			s.credit--
			err := s.publish(msg, kind, "")
			s.mu.Unlock()
			return err
		}
		room := s.room
		s.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			drop()
			return ctx.Err()
		}
	}
}

// Ask sends need_input, whatever the credit, and waits for the reader's answer to it.
func (s *Sender) Ask(ctx context.Context, prompt []byte) (json.RawMessage, error) {
	msg, drop, err := s.pack(ctx, prompt)
	if err != nil {
		return nil, err
	}
	answer := make(chan *nats.Msg, 1)
	s.mu.Lock()
	if s.ended || s.input != nil {
		s.mu.Unlock()
		drop()
		return nil, api.Errorf(api.FailedPrecondition, "the stream has ended, or is asking already")
	}
	s.input = answer
	err = s.publish(msg, api.PartNeedInput, s.home)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.input = nil
		s.mu.Unlock()
	}()
	if err != nil {
		return nil, err
	}
	select {
	case a := <-answer:
		if a.Header.Get("Status") == "503" {
			return nil, api.Errorf(api.Unavailable, "nobody reads the stream any more")
		}
		return a.Data, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// End sends the one terminal part: the result, or err if it is not nil.
func (s *Sender) End(ctx context.Context, result []byte, err error) error {
	return s.EndUsage(ctx, result, err, api.Usage{})
}

// EndUsage is End with what the answer has cost.
func (s *Sender) EndUsage(ctx context.Context, result []byte, err error, used api.Usage) error {
	defer s.close()
	var msg *nats.Msg
	var perr error
	if err == nil {
		if msg, _, perr = s.pack(ctx, result); perr == nil && !used.IsZero() {
			setHeader(msg, api.HeaderUsage, usageHeader(used).Get(api.HeaderUsage))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil
	}
	s.ended = true
	defer s.beat.Stop()
	if err == nil {
		if perr == nil {
			perr = s.publish(msg, api.PartResult, "")
		}
		if perr == nil || s.conn.NC.IsClosed() || api.AsError(perr) == nil {
			return perr
		}
		err = perr // the result could not be sent; say so in its place
	}
	e := Sendable(api.AsError(err))
	body, merr := codec.Marshal(e)
	if merr != nil {
		return merr
	}
	s.seq++
	msg = s.label(&nats.Msg{Header: usageHeader(used)}, api.PartError, "")
	setHeader(msg, api.HeaderError, singleLine(e.Message))
	setHeader(msg, api.HeaderErrorCode, string(e.Code))
	msg.Data = body
	return s.conn.NC.PublishMsg(msg)
}

// Drop ends the sender without a word, for a request that somebody else goes on with.
func (s *Sender) Drop() {
	s.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.beat.Stop()
}

// pack makes the message of a part. It may take long, so it is done without the lock: hear must not wait for the object store.
func (s *Sender) pack(ctx context.Context, body []byte) (msg *nats.Msg, drop func(), err error) {
	msg = &nats.Msg{}
	drop, err = s.conn.Pack(ctx, msg, body)
	return msg, drop, err
}

// publish sends a part; one that was not sent has no number. The caller holds the lock.
func (s *Sender) publish(msg *nats.Msg, kind api.PartKind, reply string) error {
	s.seq++
	s.beat.Reset(s.period)
	err := s.conn.NC.PublishMsg(s.label(msg, kind, reply))
	if err != nil {
		s.seq--
	}
	return err
}

func (s *Sender) label(msg *nats.Msg, kind api.PartKind, reply string) *nats.Msg {
	msg.Subject, msg.Reply = s.to, reply
	setHeader(msg, api.HeaderKind, string(kind))
	setHeader(msg, api.HeaderSeq, strconv.FormatUint(s.seq, 10))
	if s.seq <= 1 {
		setHeader(msg, api.HeaderCredit, s.home)
	}
	return msg
}

// heartbeat shows that the sender lives. It carries the number of the last part, so that the reader notices if that is lost.
func (s *Sender) heartbeat() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	_ = s.conn.NC.PublishMsg(s.label(&nats.Msg{}, api.PartHeartbeat, ""))
	s.beat.Reset(s.period)
}

// hear takes what the reader sends: credit as a header, or else the input that was asked for.
func (s *Sender) hear(msg *nats.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := msg.Header.Get(api.HeaderCredit); v != "" {
		if n, err := strconv.Atoi(v); err == nil && n > 0 && n <= MaxCredit {
			s.credit = min(s.credit+n, MaxCredit)
			close(s.room)
			s.room = make(chan struct{})
		}
		return
	}
	if s.input == nil || len(msg.Data) > 0 && !codec.Valid(msg.Data) {
		return
	}
	select {
	case s.input <- msg:
	default:
	}
}
