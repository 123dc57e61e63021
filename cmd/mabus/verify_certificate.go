package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/mabus-project/mabus/services/coordination/byzantine"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/pbft"
)

// decided is a certificate that proves what it says.
type decided struct {
	Value   json.RawMessage `json:"value"`
	View    uint64          `json:"view"`
	Members int             `json:"members"`
	Quorum  int             `json:"quorum"`
	Signers []string        `json:"signers"`
	// Keys says where the keys are from.
	Keys string `json:"keys"`
}

func proof(c *pbft.Certificate, members int, keys string) *decided {
	d := &decided{Value: c.Value, View: c.View, Members: members, Quorum: pbft.Quorum(members), Keys: keys}
	if !codec.Valid(c.Value) { // what is decided is bytes; a session's are JSON
		d.Value, _ = codec.Marshal(c.Value)
	}
	for _, s := range c.Signatures {
		d.Signers = append(d.Signers, s.Member)
	}
	slices.Sort(d.Signers)
	return d
}

// certified checks the certificate of a session, as the coordination did before it counted: it proves that the session's members, by the
// keys with which they have joined, have decided on the session's question.
func certified(x *api.Session) (*decided, error) {
	if len(x.Rounds) != 2 || x.Rounds[0].Phase != api.PhaseJoin || x.Rounds[1].Phase != api.PhaseRun {
		return nil, fmt.Errorf("the transcript is not that of a session of type %s", api.SessionByzantine)
	}
	joined := x.Rounds[0].Asks
	if len(joined) != len(x.Members) || slices.ContainsFunc(x.Members, func(m api.SessionMember) bool {
		return !slices.ContainsFunc(joined, func(a api.SessionAsk) bool { return a.Member == m.ID })
	}) {
		return nil, fmt.Errorf("those who were asked to join are not the members of the session")
	}
	var r api.ByzantineResult
	if err := codec.Decode(x.Result, &r); err != nil {
		return nil, fmt.Errorf("the result: %w", err)
	}
	body, err := codec.Marshal(api.ByzantineOutcome{Certificate: r.Certificate})
	if err != nil {
		return nil, fmt.Errorf("the certificate: %w", err)
	}
	if err := (byzantine.Protocol{}).Accept(x, nil, body); err != nil {
		return nil, err
	}
	var c pbft.Certificate
	if err := codec.Decode(r.Certificate, &c); err != nil {
		return nil, fmt.Errorf("the certificate: %w", err)
	}
	if value, err := byzantine.Value(r.Decision); err != nil || !bytes.Equal(value, c.Value) {
		return nil, fmt.Errorf("the result's decision is not that of its certificate")
	}
	return proof(&c, len(x.Members), "those with which the members have joined the session"), nil
}

// verifyCertificate checks a certificate by itself against keys from elsewhere.
func verifyCertificate(data, keys []byte) (*verified, error) {
	var c pbft.Certificate
	if err := codec.Decode(data, &c); err != nil {
		return nil, err
	}
	var list []api.ByzantineMember
	if err := codec.Decode(keys, &list); err != nil {
		return nil, fmt.Errorf("the keys must be a JSON list of {\"id\",\"key\"}: %w", err)
	}
	members := make([]pbft.Member, len(list))
	for i, m := range list {
		key, err := pbft.DecodeKey(m.Key)
		if err != nil {
			return nil, fmt.Errorf("the key of %.80q: %w", m.ID, err)
		}
		members[i] = pbft.Member{ID: m.ID, Key: key, Host: m.Host}
	}
	if err := c.Verify(members, pbft.MaxFaulty(len(members))); err != nil {
		return nil, err
	}
	return &verified{Session: c.Session, Certificate: proof(&c, len(members), "those of the file")}, nil
}
