package pbft

import (
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Defaults of Config.
const (
	DefaultTimeout = time.Second
	MaxSequences   = 4096 // how many values a session may decide
	maxWindow      = 8
)

// Config is what a Node must know. All members must be given the same but for Self, Sign and Learner.
type Config struct {
	Session string   // an api.ValidID
	Members []Member // in the order in which they are primary: Members[view mod n]
	Self    string   // the id of the member that this node is
	F       int      // how many faulty members to tolerate; see MaxFaulty

	// Sign returns the ed25519 signature of msg by Self's key.
	Sign func(msg []byte) []byte
	// Verify checks signatures; nil for ed25519.Verify. Simulations have cheaper ones.
	Verify Verifier

	// Sequences is how many values the session decides; 1 unless given. The members should have values for all of them from the
	// start: while nobody proposes for a sequence, the views change.
	Sequences int
	// Timeout is how long the first view may go without a decision; it doubles from view to view (4.4). DefaultTimeout unless
	// given. Half of it is how often unanswered messages are sent again.
	Timeout time.Duration
	// Window is how many sequences above the stable checkpoint are open at once (4.2). The largest, and the default, is 8
	// for up to 32 members and less for more, so that a NewView fits in a NATS message of 1 MiB.
	Window int
	// CheckpointEvery is how many decisions lie between checkpoints (4.3); half the window unless given.
	CheckpointEvery int

	// Learner casts no votes and only learns what is decided: for a member that may have voted and forgotten it.
	Learner bool

	bug bug
}

func (c *Config) fill() error {
	largest := max(1, min(maxWindow, 256/len(c.Members)))
	if err := setting("sequences", &c.Sequences, 1, MaxSequences); err != nil {
		return err
	}
	if err := setting("window", &c.Window, largest, largest); err != nil {
		return err
	}
	if err := setting("checkpoint_every", &c.CheckpointEvery, max(1, c.Window/2), c.Window); err != nil {
		return err
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Timeout < time.Millisecond || c.Timeout > time.Hour {
		return api.Errorf(api.Invalid, "timeout must be 1ms to 1h, it is %s", c.Timeout).WithFields("timeout")
	}
	if c.Sign == nil {
		return api.Errorf(api.Invalid, "sign is required: give the member's signing key").WithFields("sign")
	}
	return nil
}

func setting(field string, value *int, def, most int) error {
	if *value == 0 {
		*value = def
	}
	if *value < 1 || *value > most {
		return api.Errorf(api.Invalid, "%s must be 1 to %d, it is %d", field, most, *value).WithFields(field)
	}
	return nil
}
