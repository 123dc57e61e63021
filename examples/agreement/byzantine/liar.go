package main

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/pbft"
	"github.com/mabus-project/mabus/shared/pbft/run"
)

const (
	maxHeard   = 200 // messages of others that a liar answers with lies
	answerTime = 5 * time.Second
)

// liar is a member without a host. It joins as others do, with a key of its own, and then says whatever it can sign.
type liar struct {
	id     string
	client *client.Client
	key    nkeys.KeyPair
	public string
	lies   [2][]byte // it proposes both at once
	asked  *nats.Subscription
	heard  *nats.Subscription

	// Of the session, from when it runs.
	name   string
	scope  pbft.Digest
	forged *pbft.Certificate // of the first lie

	mu      sync.Mutex
	said    map[pbft.Kind]int
	answers int   // messages of others that it has answered
	refusal error // what the session says to the forged certificate
}

// listen has the liar take part as the agent id, until it is closed.
func (l *liar) listen(ctx context.Context, url string) error {
	key, err := nkeys.CreateUser()
	if err != nil {
		return err
	}
	l.key, l.said = key, map[pbft.Kind]int{}
	if l.public, err = key.PublicKey(); err != nil {
		return err
	}
	if l.client, err = client.Connect(ctx, client.Options{URL: url, Principal: l.id, Name: l.id}); err != nil {
		return err
	}
	conn := l.client.Conn()
	base := context.WithoutCancel(ctx)
	if l.asked, err = conn.NC.Subscribe(api.AgentSubject(conn.Namespace, l.id), func(m *nats.Msg) {
		_ = m.Respond([]byte("{}")) // it has the question
		var q api.SessionQuestion
		if codec.Read(m.Data, &q) == nil {
			l.answer(base, &q)
		}
	}); err != nil {
		return err
	}
	return conn.NC.FlushTimeout(answerTime)
}

// close ends its part.
func (l *liar) close() {
	if l.client != nil {
		l.client.Close()
	}
}

// answer joins, and when the members are known begins to lie.
func (l *liar) answer(ctx context.Context, q *api.SessionQuestion) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	switch q.Phase {
	case api.PhaseJoin:
		_, err := l.client.Sessions.Answer(ctx, q.Session, q.Round, api.ByzantineKey{Key: l.public, Host: l.id})
		l.hears(err)
	case api.PhaseRun:
		l.hears(l.begin(ctx, q))
	}
}

// begin lies to the session, while nothing is decided, and then to the members.
func (l *liar) begin(ctx context.Context, q *api.SessionQuestion) error {
	if l.heard != nil {
		return nil // the same question again
	}
	members, _, err := membersOf(q.Ask)
	if err != nil {
		return err
	}
	l.name, l.scope = q.Session, pbft.Scope(q.Session, members)
	l.forged = l.forge(members)
	conn := l.client.Conn()
	if l.heard, err = conn.NC.Subscribe(run.Subject(conn.Namespace, q.Session), l.hear); err != nil {
		return err
	}
	raw, err := codec.Marshal(l.forged)
	if err != nil {
		return err
	}
	_, err = l.client.Sessions.Answer(ctx, q.Session, q.Round, api.ByzantineOutcome{Certificate: raw})
	l.lie(0)
	return err
}

// hears keeps what the session has said.
func (l *liar) hears(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil { // that a question has come twice takes nothing back
		l.refusal = err
	}
}

// hear answers every message of the others with lies.
func (l *liar) hear(msg *nats.Msg) {
	m, err := pbft.Decode(msg.Data)
	if err != nil || m.From == l.id {
		return
	}
	l.mu.Lock()
	l.answers++
	enough := l.answers > maxHeard
	l.mu.Unlock()
	if !enough {
		l.lie(m.View)
	}
}

// lie equivocates in a view: it proposes both lies, prepares and commits both, claims that the first is decided, and that the next
// view has begun.
func (l *liar) lie(view uint64) {
	for _, value := range l.lies {
		digest := sha256.Sum256(value)
		l.say(pbft.Message{Kind: pbft.PrePrepare, View: view, Seq: 1, Value: value})
		l.say(pbft.Message{Kind: pbft.Prepare, View: view, Seq: 1, Digest: digest})
		l.say(pbft.Message{Kind: pbft.Commit, View: view, Seq: 1, Digest: digest})
	}
	var parts []pbft.Part
	for i, s := range l.forged.Signatures {
		parts = append(parts, pbft.Part{Member: uint16(i), Sig: s.Sig})
	}
	l.say(pbft.Message{Kind: pbft.Decided, View: 0, Seq: 1, Value: l.lies[0], Sigs: parts})
	l.say(pbft.Message{Kind: pbft.NewView, View: view + 1})
}

// say signs a message and publishes it.
func (l *liar) say(m pbft.Message) {
	m.Scope, m.From = l.scope, l.id
	if m.Kind != pbft.Prepare && m.Kind != pbft.Commit {
		m.Sum()
	}
	sig, err := l.key.Sign(m.Signed())
	if err != nil {
		return
	}
	m.Sig = sig
	if l.client.Conn().NC.Publish(run.Subject(l.client.Conn().Namespace, l.name), m.Encode()) == nil {
		l.mu.Lock()
		l.said[m.Kind]++
		l.mu.Unlock()
	}
}

// forge makes a certificate of the first lie, with the liar's signature under everybody's name.
func (l *liar) forge(members []pbft.Member) *pbft.Certificate {
	digest := sha256.Sum256(l.lies[0])
	c := &pbft.Certificate{Session: l.name, Seq: 1, Digest: digest[:], Value: l.lies[0]}
	for _, m := range members {
		vote := pbft.Message{Kind: pbft.Commit, Scope: l.scope, From: m.ID, Seq: 1, Digest: digest}
		sig, err := l.key.Sign(vote.Signed())
		if err != nil {
			continue
		}
		c.Signatures = append(c.Signatures, pbft.Signature{Member: m.ID, Sig: sig})
	}
	return c
}
