package client

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

const (
	effectiveQuiet = 300 * time.Millisecond // without a further answer: then all have answered that will
	effectiveMost  = 10_000                 // processes
)

// Effective asks every process by what it goes and where it has each value from, in one section or, for "", in all that it has. It waits
// until no further process answers for 300 ms, or ctx ends: a process that is cut off is not among the answers.
func (s Config) Effective(ctx context.Context, section string) ([]api.ConfigEffective, error) {
	nc := s.conn.NC
	body, err := codec.Marshal(&api.ConfigEffectiveRequest{Section: section})
	if err != nil {
		return nil, err
	}
	inbox := s.conn.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return nil, api.Errorf(api.Unavailable, "answers cannot be heard: %v", err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	m := nats.NewMsg(api.As(s.conn.Namespace, s.conn.Principal, api.ConfigInForceGet.Subject(s.conn.Namespace)))
	m.Reply, m.Data = inbox, body
	if err := nc.PublishMsg(m); err != nil {
		return nil, api.Errorf(api.Unavailable, "the processes cannot be asked: %v", err)
	}
	answers := []api.ConfigEffective{}
	for len(answers) < effectiveMost {
		wait, cancel := context.WithTimeout(ctx, effectiveQuiet)
		msg, err := sub.NextMsgWithContext(wait)
		cancel()
		if err != nil {
			break
		}
		var a api.ConfigEffective
		if msg.Header.Get(api.HeaderErrorCode) != "" || msg.Header.Get("Status") != "" || codec.Read(msg.Data, &a) != nil {
			continue
		}
		if section == "" || len(a.Sections) > 0 {
			answers = append(answers, a)
		}
	}
	slices.SortFunc(answers, func(a, b api.ConfigEffective) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Process, b.Process))
	})
	return answers, nil
}
