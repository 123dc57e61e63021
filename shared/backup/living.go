package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// lookFor is for how long leases are watched: longer than the time between two renewals.
const lookFor = 2500 * time.Millisecond

// Living names what lives of a namespace: services that listen, and leases that are renewed within some seconds.
func Living(ctx context.Context, conn *rpc.Conn) ([]string, error) {
	var live []string
	asked := map[string]bool{}
	for _, d := range api.Methods {
		if asked[d.Service] {
			continue
		}
		asked[d.Service] = true
		listens, err := listens(ctx, conn.NC, api.As(conn.Namespace, conn.Principal, api.MethodSubject(conn.Namespace, d.Service, d.Noun, d.Verb)))
		if err != nil {
			return nil, err
		}
		if listens {
			live = append(live, d.Service)
		}
	}
	if len(live) > 0 {
		return live, nil
	}
	s := newServer(conn)
	stream := api.Store{Name: "leases", Kind: api.StoreBucket}.Stream(conn.Namespace)
	before, err := s.stream(ctx, stream)
	if err != nil || before == nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-time.After(lookFor):
	}
	i, err := s.stream(ctx, stream)
	if err != nil || i == nil {
		return nil, err
	}
	for at := before.State.Last; ; {
		e, err := s.after(ctx, stream, at+1)
		if err != nil || e == nil {
			return slices.Compact(slices.Sorted(slices.Values(live))), err
		}
		at = e.Seq
		live = append(live, "lease "+strings.TrimPrefix(e.Subject, "$KV."+api.Bucket(conn.Namespace, "leases")+"."))
	}
}

// listens tells whether somebody takes requests on a subject, by a body that every method refuses.
func listens(ctx context.Context, nc *nats.Conn, subject string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	_, err := nc.RequestWithContext(ctx, subject, []byte("?"))
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return false, nil
	case err != nil && ctx.Err() == nil:
		return false, fmt.Errorf("ask whether %s is there: %w", subject, err)
	}
	return true, nil
}
