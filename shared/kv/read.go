package kv

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Entry is the last message of a key.
type Entry struct {
	Key   string
	Value []byte
	// Revision is the stream sequence of the message; 0 when the key was never written.
	Revision uint64
	// Time is when the store took the message, by the store's clock.
	Time   time.Time
	Header nats.Header
	// Deleted says that the message is a deletion; Revision is then what the next write must expect.
	Deleted bool
}

// Exists tells whether the key holds a value.
func (e Entry) Exists() bool { return e.Revision > 0 && !e.Deleted }

// Get reads a key from the stream's leader. A key that was never written is a zero Entry with its Key, and no error.
// While nobody leads it tries again until ctx ends, then it is unavailable (store_unavailable).
func (b *Bucket) Get(ctx context.Context, key string) (Entry, error) {
	if err := checkKey(key); err != nil {
		return Entry{}, err
	}
	return b.read(ctx, key, getRequest{Last: b.prefix + key})
}

// getRequest and getResponse are the bodies of $JS.API.STREAM.MSG.GET, which only the leader answers. (A direct get may
// be answered by a follower that lags.)
type getRequest struct {
	Last string `json:"last_by_subj,omitempty"`
	Next string `json:"next_by_subj,omitempty"`
	Seq  uint64 `json:"seq,omitempty"`
}

type getResponse struct {
	Error *struct {
		Code        int    `json:"code"`
		ErrCode     int    `json:"err_code"`
		Description string `json:"description"`
	} `json:"error"`
	Message *struct {
		Subject string    `json:"subject"`
		Seq     uint64    `json:"seq"`
		Header  []byte    `json:"hdrs"`
		Data    []byte    `json:"data"`
		Time    time.Time `json:"time"`
	} `json:"message"`
}

var errNoLeader = errors.New("the stream's leader gave no usable answer")

func (b *Bucket) read(ctx context.Context, key string, req getRequest) (e Entry, err error) {
	err = Retry(ctx, func(ctx context.Context) error {
		var err error
		e, err = b.readOnce(ctx, key, req)
		return err
	})
	if err != nil {
		return Entry{}, api.Errorf(api.Unavailable, "bucket %s cannot be read now, try again: %v", b.name, err).WithReason(api.ReasonDependencyDown)
	}
	return e, nil
}

func (b *Bucket) readOnce(ctx context.Context, key string, req getRequest) (Entry, error) {
	none := Entry{Key: key}
	body, err := codec.Marshal(req)
	if err != nil {
		return none, err
	}
	m, err := b.nc.RequestWithContext(ctx, b.get, body)
	if err != nil {
		return none, err
	}
	var resp getResponse
	if err := codec.Read(m.Data, &resp); err != nil {
		return none, fmt.Errorf("%w: %w", errNoLeader, err)
	}
	if resp.Error != nil {
		if resp.Error.ErrCode == int(jetstream.JSErrCodeMessageNotFound) {
			return none, nil
		}
		return none, fmt.Errorf("%w: %s (%d)", errNoLeader, resp.Error.Description, resp.Error.ErrCode)
	}
	if resp.Message == nil {
		return none, errNoLeader
	}
	e := Entry{Key: key, Value: resp.Message.Data, Revision: resp.Message.Seq, Time: resp.Message.Time}
	if len(resp.Message.Header) > 0 {
		if e.Header, err = nats.DecodeHeadersMsg(resp.Message.Header); err != nil {
			return none, fmt.Errorf("read headers of %s: %w", key, err)
		}
	}
	e.Deleted = deletion(e.Header)
	return e, nil
}

// deletion tells whether the headers are those of a deletion, made by Write, by the nats tool or by the server.
func deletion(h nats.Header) bool {
	op := h.Get(headerOperation)
	return op == "DEL" || op == "PURGE" || h.Get("Nats-Marker-Reason") != ""
}
