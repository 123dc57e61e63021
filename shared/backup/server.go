package backup

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	askTime    = 10 * time.Second
	leaderTime = time.Minute // for a cluster to have a leader
	needed     = 5           // API level of JetStream: that of NATS 2.15, which reads the archives
)

// server asks JetStream by its own requests, whose answers are kept as they come: a configuration that this program does not know all of
// loses nothing on its way through a back-up.
type server struct {
	conn   *rpc.Conn
	prefix string
}

func newServer(conn *rpc.Conn) *server {
	o := conn.JS.Options()
	s := &server{conn: conn, prefix: jetstream.DefaultAPIPrefix}
	switch {
	case o.Domain != "":
		s.prefix = "$JS." + o.Domain + ".API."
	case o.APIPrefix != "":
		s.prefix = strings.TrimSuffix(o.APIPrefix, ".") + "."
	}
	return s
}

// apiError is JetStream's answer when it refuses.
type apiError struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

func (e *apiError) Error() string { return fmt.Sprintf("%s (%d)", e.Description, e.ErrCode) }

// Codes of errors of JetStream.
const (
	codeNoLeader      = 10008 // JetStream is not available for now
	codeNoStream      = 10059
	codeNoMsg         = 10037
	codeRestoreFailed = 10062
)

// ask sends a request and reads the answer into v. A refusal is an *apiError.
func (s *server) ask(ctx context.Context, what string, body, v any) error {
	if ctx.Err() != nil { // else it would be sent all the same
		return fmt.Errorf("ask JetStream for %s: %w", what, context.Cause(ctx))
	}
	data := []byte(nil)
	if body != nil {
		var err error
		if data, err = codec.Marshal(body); err != nil {
			return err
		}
	}
	pending, err := s.conn.Begin(&nats.Msg{Subject: s.prefix + what, Data: data})
	if err != nil {
		return fmt.Errorf("ask JetStream for %s: %w", what, err)
	}
	msg, err := pending.Wait(ctx, askTime)
	if err != nil {
		return fmt.Errorf("ask JetStream for %s: %w", what, err)
	}
	if msg.Header.Get(api.HeaderErrorCode) != "" { // the credentials are refused it
		refused := new(api.Error)
		if err := codec.Read(msg.Data, refused); err != nil {
			return fmt.Errorf("read why %s was refused: %w", what, err)
		}
		return refused
	}
	return answer(msg, v)
}

// answer reads an answer of JetStream.
func answer(msg *nats.Msg, v any) error {
	var failed struct {
		Error *apiError `json:"error"`
	}
	if err := codec.Read(msg.Data, &failed); err != nil {
		return fmt.Errorf("read what JetStream answered: %w", err)
	}
	if failed.Error != nil {
		return failed.Error
	}
	if v == nil {
		return nil
	}
	return codec.Read(msg.Data, v)
}

// State is what a stream holds.
type State struct {
	Messages uint64 `json:"messages"`
	Bytes    uint64 `json:"bytes"`
	First    uint64 `json:"first_seq"`
	Last     uint64 `json:"last_seq"`
}

// info is what JetStream says of a stream.
type info struct {
	Config  json.RawMessage `json:"config"`
	Created time.Time       `json:"created"`
	State   State           `json:"state"`
	Cluster *struct {
		Leader   string `json:"leader"`
		Replicas []struct {
			Name    string `json:"name"`
			Current bool   `json:"current"`
		} `json:"replicas"`
	} `json:"cluster"`
}

// settings are what is read of a stream's configuration.
type settings struct {
	Name      string            `json:"name"`
	Subjects  []string          `json:"subjects"`
	Retention string            `json:"retention"`
	Replicas  int               `json:"num_replicas"`
	Discard   string            `json:"discard"`
	MaxMsgs   int64             `json:"max_msgs"`
	MaxBytes  int64             `json:"max_bytes"`
	MaxAge    int64             `json:"max_age"`
	PerKey    int64             `json:"max_msgs_per_subject"`
	Rollup    bool              `json:"allow_rollup_hdrs"`
	Schedules bool              `json:"allow_msg_schedules"`
	Metadata  map[string]string `json:"metadata"`
}

func (i *info) settings() (settings, error) {
	var c settings
	if err := codec.Read(i.Config, &c); err != nil {
		return c, fmt.Errorf("read the configuration of a stream: %w", err)
	}
	return c, nil
}

// stream asks the leader of a stream what it is and holds; nil when there is none.
func (s *server) stream(ctx context.Context, name string) (*info, error) {
	var i info
	err := s.ask(ctx, "STREAM.INFO."+name, nil, &i)
	if e, ok := err.(*apiError); ok && e.ErrCode == codeNoStream { //nolint:errorlint // ask returns it as it is
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", name, err)
	}
	return &i, nil
}

// update gives a stream a configuration.
func (s *server) update(ctx context.Context, name string, config any) error {
	if err := s.ask(ctx, "STREAM.UPDATE."+name, config, nil); err != nil {
		return fmt.Errorf("change %s: %w", name, err)
	}
	return nil
}

// remove removes a stream; one that is gone is no error.
func (s *server) remove(ctx context.Context, name string) error {
	err := s.ask(ctx, "STREAM.DELETE."+name, nil, nil)
	if e, ok := err.(*apiError); ok && e.ErrCode == codeNoStream { //nolint:errorlint // ask returns it as it is
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return nil
}

// Consumer is a durable consumer and how far it has come.
type Consumer struct {
	Name      string          `json:"name"`
	Config    json.RawMessage `json:"config"`
	Delivered Place           `json:"delivered"`
	Floor     Place           `json:"ack_floor"`
}

// Place is a place in a stream and in what a consumer has delivered of it.
type Place struct {
	Consumer uint64 `json:"consumer_seq"`
	Stream   uint64 `json:"stream_seq"`
}

// consumers returns the durable consumers of a stream. One that waits for acknowledgements is taken to where it has none to wait for,
// since the server does not say which they are.
func (s *server) consumers(ctx context.Context, stream string) ([]Consumer, error) {
	var all []Consumer
	for offset := 0; ; {
		var page struct {
			Total     int `json:"total"`
			Consumers []struct {
				Consumer
				Waits int `json:"num_ack_pending"`
			} `json:"consumers"`
		}
		if err := s.ask(ctx, "CONSUMER.LIST."+stream, map[string]int{"offset": offset}, &page); err != nil {
			return nil, fmt.Errorf("list the consumers of %s: %w", stream, err)
		}
		for _, c := range page.Consumers {
			var cfg struct {
				Durable string `json:"durable_name"`
			}
			if err := codec.Read(c.Config, &cfg); err != nil {
				return nil, fmt.Errorf("read the configuration of consumer %s: %w", c.Name, err)
			}
			if c.Waits > 0 {
				c.Delivered = c.Floor
			}
			if cfg.Durable != "" {
				all = append(all, c.Consumer)
			}
		}
		offset += len(page.Consumers)
		if len(page.Consumers) == 0 || offset >= page.Total {
			return all, nil
		}
	}
}

// after reads the first message of a stream from a sequence on, as its leader has it; nil when there is none.
func (s *server) after(ctx context.Context, stream string, seq uint64) (*entry, error) {
	return s.get(ctx, stream, map[string]any{"seq": seq, "next_by_subj": ">"})
}

// get reads one message of a stream from its leader; nil when there is none.
func (s *server) get(ctx context.Context, stream string, which map[string]any) (*entry, error) {
	var got struct {
		Message struct {
			Subject string    `json:"subject"`
			Seq     uint64    `json:"seq"`
			Header  []byte    `json:"hdrs"`
			Data    []byte    `json:"data"`
			Time    time.Time `json:"time"`
		} `json:"message"`
	}
	err := s.ask(ctx, "STREAM.MSG.GET."+stream, which, &got)
	if e, ok := err.(*apiError); ok && e.ErrCode == codeNoMsg { //nolint:errorlint // ask returns it as it is
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", stream, err)
	}
	m := got.Message
	e := &entry{Subject: m.Subject, Seq: m.Seq, Time: m.Time.UnixNano(), Data: m.Data}
	if len(m.Header) > 0 {
		h, err := nats.DecodeHeadersMsg(m.Header)
		if err != nil {
			return nil, fmt.Errorf("read the header of message %d of %s: %w", m.Seq, stream, err)
		}
		e.Header = headerBytes(h)
	}
	return e, nil
}

// askOn asks until there is an answer, for a minute at most: a cluster that has just started, and has no leader yet, lets questions fall.
func (s *server) askOn(ctx context.Context, what string, v any) error {
	ctx, cancel := context.WithTimeout(ctx, leaderTime)
	defer cancel()
	var refused error
	err := kv.Retry(ctx, func(ctx context.Context) error {
		refused = s.ask(ctx, what, nil, v)
		var e *apiError
		switch {
		case errors.Is(refused, nats.ErrTimeout), errors.Is(refused, context.DeadlineExceeded), errors.Is(refused, nats.ErrNoResponders),
			errors.As(refused, &e) && e.ErrCode == codeNoLeader:
			return refused
		}
		return nil
	})
	return cmp.Or(refused, err)
}

// able refuses a server whose JetStream cannot restore.
func (s *server) able(ctx context.Context) error {
	var account struct {
		API struct {
			Level int `json:"level"`
		} `json:"api"`
	}
	if err := s.askOn(ctx, "INFO", &account); err != nil {
		return err
	}
	if account.API.Level < needed {
		return api.Errorf(api.FailedPrecondition, "the NATS server has JetStream API level %d and restoring needs %d: update it to 2.15 or later", account.API.Level, needed)
	}
	return nil
}
