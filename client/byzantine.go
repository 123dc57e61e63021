package client

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/pbft"
	"github.com/mabus-project/mabus/shared/pbft/run"
)

// ByzantineMember is a member's part in one session of type byzantine_consensus. Agent hosts play it for their agents; whoever has
// no host plays it by itself. Its key is in memory alone: a process that has lost it is a faulty member of that session.
type ByzantineMember struct {
	key    nkeys.KeyPair
	public string
}

// NewByzantineMember makes the key of a member for one session.
func NewByzantineMember() (*ByzantineMember, error) {
	key, err := nkeys.CreateUser()
	if err != nil {
		return nil, err
	}
	public, err := key.PublicKey()
	if err != nil {
		return nil, err
	}
	return &ByzantineMember{key, public}, nil
}

// Join returns the answer to the question join of a member that runs on the host, "" for none.
func (m *ByzantineMember) Join(host string) api.ByzantineKey {
	return api.ByzantineKey{Key: m.public, Host: host}
}

// ByzantineRunOf reads what the question run asks.
func ByzantineRunOf(q *api.SessionQuestion) (*api.ByzantineRun, error) {
	r := new(api.ByzantineRun)
	if err := codec.Read(q.Ask, r); err != nil {
		return nil, api.Errorf(api.Invalid, "the question %s of session %s is not readable: %v", api.PhaseRun, q.Session, err).WithReason(api.ReasonMalformed)
	}
	return r, nil
}

// Run answers the question run: it returns when the members have decided and linger is over, in which it helps those who have missed
// the decision; decided is called with the answer at once. Call it only if the proposal of the question is valid: it is a vote for
// it, and for nothing else. The errors are failed_precondition if the session knows the member by another key, those of run.Run, and
// the end of ctx.
func (m *ByzantineMember) Run(ctx context.Context, c *Client, self string, q *api.SessionQuestion, linger time.Duration, decided func(api.ByzantineOutcome)) error {
	r, err := ByzantineRunOf(q)
	if err != nil {
		return err
	}
	value, err := codec.Marshal(r.Value) // without spaces, as it is signed
	if err != nil {
		return api.Errorf(api.Invalid, "the proposal of session %s is not one JSON value: %v", q.Session, err).WithReason(api.ReasonMalformed)
	}
	members := make([]pbft.Member, len(r.Members))
	mine := false
	for i, other := range r.Members {
		key, err := pbft.DecodeKey(other.Key)
		if err != nil {
			return err
		}
		members[i] = pbft.Member{ID: other.ID, Key: key, Host: other.Host}
		mine = mine || other.ID == self && other.Key == m.public
	}
	if !mine {
		return api.Errorf(api.FailedPrecondition, "session %s does not know %s by the key that it has joined with", q.Session, self).WithReason(api.ReasonNotParticipant)
	}
	tell := func(cert *pbft.Certificate) {
		if raw, err := codec.Marshal(cert); err == nil { // a struct of texts and bytes
			decided(api.ByzantineOutcome{Certificate: raw})
		}
	}
	_, err = run.Run(ctx, run.Options{
		Conn: c.conn.NC, Namespace: c.conn.Namespace, Session: q.Session, Members: members, Self: self, Key: m.key, F: r.F, Value: value, Timeout: r.Timeout.Std(),
		Valid:     func(_ context.Context, other []byte) (bool, error) { return bytes.Equal(other, value), nil },
		OnDecided: tell, Linger: linger,
	})
	return err
}

// ReadVerdict reads an agent's answer to the question validate: true or false, "yes" or "no", or {"valid": true or false}.
func ReadVerdict(answer json.RawMessage) (bool, error) {
	switch string(bytes.TrimSpace(answer)) {
	case "true", `"yes"`:
		return true, nil
	case "false", `"no"`:
		return false, nil
	}
	var v struct {
		Valid *bool `json:"valid"`
	}
	if err := codec.Read(answer, &v); err != nil || v.Valid == nil {
		return false, api.Errorf(api.Invalid, `whether a proposal is valid is answered by true or false, "yes" or "no", or {"valid": true or false}, not %.80q`, answer).WithReason(api.ReasonInvalidAnswer)
	}
	return *v.Valid, nil
}
