package run

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/pbft"
)

// Options say which member of which session to be.
type Options struct {
	Conn      *nats.Conn
	Namespace string // api.DefaultNamespace unless given
	Session   string
	Members   []pbft.Member // in the order in which they are primary; the same for all members
	Self      string
	Key       nkeys.KeyPair // of Self, a NATS user's
	F         int           // how many faulty members to tolerate; the same for all members

	// Value is what this member proposes if it becomes primary; empty if it has nothing to propose. It must be valid.
	Value []byte
	// Valid tells whether a proposal of another member is acceptable. An error means that it cannot be told now, and it is asked
	// again. It is called outside of Run's goroutine, and should return when ctx ends: the proposal no longer matters then.
	Valid func(ctx context.Context, value []byte) (bool, error)

	// Timeout is pbft.Config.Timeout: pbft.DefaultTimeout unless given.
	Timeout time.Duration
	// Learner is pbft.Config.Learner: for a member that may have voted in this session and does not remember.
	Learner bool
	// OnDecided, if not nil, is called once, as soon as the value is decided.
	OnDecided func(*pbft.Certificate)
	// Linger is for how long Run stays after the decision, to tell it to those who missed it.
	Linger time.Duration
}

// Subject is where the members of a session speak.
func Subject(namespace, session string) string { return namespace + ".pbft." + session }

// node makes the member's node.
func (o *Options) node(now time.Time) (*pbft.Node, error) {
	if o.Namespace == "" {
		o.Namespace = api.DefaultNamespace
	}
	if err := api.CheckID("namespace", o.Namespace); err != nil {
		return nil, err
	}
	switch {
	case o.Conn == nil:
		return nil, api.Errorf(api.Invalid, "conn is required: give a NATS connection").WithFields("conn")
	case o.Valid == nil:
		return nil, api.Errorf(api.Invalid, "valid is required: give a function that judges proposals").WithFields("valid")
	case o.Key == nil:
		return nil, api.Errorf(api.Invalid, "key is required: give the NATS user key of member %.80q", o.Self).WithFields("key")
	}
	if err := o.checkKey(); err != nil {
		return nil, err
	}
	n, err := pbft.New(pbft.Config{
		Session: o.Session, Members: o.Members, Self: o.Self, F: o.F, Timeout: o.Timeout, Learner: o.Learner,
		Sign: func(msg []byte) []byte {
			sig, _ := o.Key.Sign(msg) // checkKey has seen it sign
			return sig
		},
	})
	if err != nil {
		return nil, err
	}
	if len(o.Value) > 0 {
		if err := n.Propose(1, o.Value, now); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// checkKey sees to it that what the key signs is what the others take for Self's signature.
func (o *Options) checkKey() error {
	test := []byte("mabus.pbft.key\x00")
	sig, err := o.Key.Sign(test)
	if err != nil {
		return fmt.Errorf("sign as member %s: %w", o.Self, err)
	}
	for _, m := range o.Members {
		if m.ID == o.Self && (len(m.Key) != ed25519.PublicKeySize || !ed25519.Verify(m.Key, test, sig)) {
			return api.Errorf(api.Invalid, "the key is not that of member %s in the list of members", o.Self).WithFields("key")
		}
	}
	return nil
}
