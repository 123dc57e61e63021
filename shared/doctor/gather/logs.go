package gather

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/doctor"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

const (
	tailEntries = 256             // of one log, at most
	tailTime    = 2 * time.Minute // further back nothing is read
)

// logs reads the end of each replicated log backwards: each entry says who has written it, and what that replica had applied.
func (g *gathering) logs(ctx context.Context) {
	for _, store := range api.Stores {
		service, is := strings.CutPrefix(store.Name, "log_")
		if !is || g.noStores || store.Kind != api.StoreStream {
			continue
		}
		if err := g.tail(ctx, service, store.Stream(g.conn.Namespace)); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			g.failed("end of "+store.Name, err)
		}
	}
}

func (g *gathering) tail(ctx context.Context, service, name string) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	stream, err := g.conn.JS.Stream(ctx, name)
	if err != nil {
		return err
	}
	t, seen := doctor.Tail{Service: service, Stream: name}, map[string]bool{}
	state := stream.CachedInfo().State
	for seq, n := state.LastSeq, 0; seq >= state.FirstSeq && seq > 0; seq, n = seq-1, n+1 {
		msg, err := stream.GetMsg(ctx, seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) { // purged meanwhile
			t.Since = g.facts.At
			break
		}
		if err != nil {
			return err
		}
		if n == tailEntries || g.facts.At.Sub(msg.Time) > tailTime {
			t.Since = msg.Time
			break
		}
		b, err := engine.ParseBatch(msg.Data)
		if err != nil { // of another version, which that is told of elsewhere
			continue
		}
		if !seen[b.Writer] {
			seen[b.Writer] = true
			t.Writers = append(t.Writers, doctor.Writer{ID: b.Writer, At: msg.Time, Behind: seq - 1 - min(b.Applied, seq-1)})
		}
	}
	g.facts.Tails = append(g.facts.Tails, t)
	return nil
}
