package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"
)

var (
	errGivenUp = errors.New("the server has broken the restore off")
	chunkTime  = 30 * time.Second // for the server to store a chunk
)

const (
	chunkBytes  = 256 << 10
	windowSize  = 32               // chunks that wait for the server
	knownTime   = 5 * time.Second  // until a server of a cluster knows of a subscription at another
	restoreTime = 10 * time.Minute // for the server to make a stream of what it got
)

// upload sends an archive to the server: the head, and the messages from the file. The stream is marked.
func (s *server) upload(ctx context.Context, p *Part, replicas int, mark string, messages io.Reader) error {
	entries, err := p.head(replicas)
	if err != nil {
		return err
	}
	var head bytes.Buffer
	w := newCompressor(&head)
	_, err = io.WriteString(w, magic)
	for i := 0; i < len(entries) && err == nil; i++ {
		err = entries[i].write(w)
	}
	if e := w.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	var to struct {
		Subject string `json:"deliver_subject"`
	}
	request := map[string]any{"config": p.configure(replicas, mark), "state": map[string]any{"messages": p.Messages, "first_seq": p.firstSeq(), "last_seq": p.lastSeq()}}
	if err := s.ask(ctx, "STREAM.RESTORE."+p.Stream, request, &to); err != nil {
		return err
	}
	return s.chunks(ctx, to.Subject, io.MultiReader(&head, messages))
}

// sender sends a stream of bytes in chunks, some ahead of the server's answers.
type sender struct {
	nc      *nats.Conn
	sub     *nats.Subscription // of the answers
	subject string
	under   int // chunks without an answer
}

// chunks sends what r has, and then waits for the server's verdict.
func (s *server) chunks(ctx context.Context, subject string, r io.Reader) error {
	sub, err := s.conn.NC.SubscribeSync(s.conn.NC.NewInbox())
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	defer sub.Unsubscribe()
	to := &sender{nc: s.conn.NC, sub: sub, subject: subject}
	chunk, all := make([]byte, min(chunkBytes, int(s.conn.NC.MaxPayload()))), newPieces(r)
	for first := true; ; first = false {
		n, err := all.next(chunk)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		send := to.send
		if first {
			send = to.begin
		}
		if err := send(ctx, chunk[:n]); err != nil {
			return err
		}
	}
	for ; to.under > 0; to.under-- {
		if err := to.hear(ctx, chunkTime); err != nil {
			return err
		}
	}
	if err := to.put(nil); err != nil {
		return err
	}
	return to.hear(ctx, restoreTime)
}

// begin sends the first chunk until somebody takes it: the server of a cluster that waits for it may not be known yet to the one that this
// process is connected to.
func (s *sender) begin(ctx context.Context, chunk []byte) error {
	for begin := time.Now(); ; {
		if err := s.put(chunk); err != nil {
			return err
		}
		err := s.hear(ctx, chunkTime)
		if !errors.Is(err, nats.ErrNoResponders) || time.Since(begin) > knownTime {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(knownTime / 500):
		}
	}
}

func (s *sender) send(ctx context.Context, chunk []byte) error {
	if err := s.put(chunk); err != nil {
		return err
	}
	if s.under++; s.under < windowSize {
		return nil
	}
	s.under--
	return s.hear(ctx, chunkTime)
}

func (s *sender) put(chunk []byte) error {
	if err := s.nc.PublishMsg(&nats.Msg{Subject: s.subject, Reply: s.sub.Subject, Data: chunk}); err != nil {
		return fmt.Errorf("send a part: %w", err)
	}
	return nil
}

// hear waits for the next answer: an empty one for a chunk, and the verdict in the end.
func (s *sender) hear(ctx context.Context, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	msg, err := s.sub.NextMsgWithContext(ctx)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: it took a part and did not say so", errGivenUp)
	case err != nil:
		return fmt.Errorf("the server took a part and did not say so: %w", err)
	case len(msg.Data) == 0:
		return nil
	}
	err = answer(msg, nil)
	if failed := new(apiError); errors.As(err, &failed) && failed.ErrCode == codeRestoreFailed {
		return fmt.Errorf("%w: %w", errGivenUp, err)
	}
	return err
}
