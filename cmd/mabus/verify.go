package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/services/coordination/session"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// maxProof bounds what is read of a file: a session of the greatest size with its steps has less.
const maxProof = 64 << 20

func newVerify(o *options) *cobra.Command {
	var keys, key, head string
	cmd := &cobra.Command{
		Use: "verify FILE", Short: "Check an exported session, a transcript of an auction, or a certificate, without any server",
		Long: `Checks what somebody has been given, - for the standard input, and says what was checked. The exit status is 1 if anything does not
fit.

A session that mabus sessions export has written: its transcript must lead, step by step, to its head. Who makes up a transcript makes
up a head too, so give a head that is known from elsewhere by --head: members get one with the receipt of their answer, and
everybody with mabus sessions get. The chain does not cover tags, priority, limits of time and counts. The file must be as it was
written: members in another order, or numbers in another form, are a change. Of a session of type byzantine_consensus the
certificate of the result is checked too, against the keys with which the members have joined.

A transcript that mabus auctions transcript has written: --key is the key of the service that has signed it, from a source that is
trusted; mabus auctions key prints it. Whoever makes up a transcript has another key. The auction is then carried out once more from
its steps: winners, prices and payments must be those that it says, or else the first difference is named. Every byte counts: the
file must be as it was written. A bidder gives the head of its receipt by --head. As long as bids are sealed there is nothing to
recompute. What the steps do not tell is not checked: reputations at the time of the bids, and that the money was there.

A certificate alone: --keys names a file with the keys of all members, a JSON list of {"id","key"}, from a source that is trusted.`,
		Example: "  mabus verify deploy-42.json\n  mabus verify deploy-42.json --head 1f2e3d...\n  mabus verify gpu-7.json --key 0vY5...=\n  mabus verify certificate.json --keys members.json\n  mabus sessions export deploy-42 | mabus verify - --json",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			data, err := readProof(cmd, a[0])
			if err != nil {
				return err
			}
			v, err := recognise(data, key, head, func() ([]byte, error) {
				if keys == "" {
					return nil, fmt.Errorf("%w: a certificate proves something to those who know its members' keys: name a file with them by --keys", errUsage)
				}
				return readProof(cmd, keys)
			})
			if err != nil && !errors.Is(err, errUsage) {
				err = fmt.Errorf("%s: %w", a[0], err)
			}
			if err != nil {
				return err
			}
			return o.show(cmd, v, v.print)
		},
	}
	cmd.Flags().StringVar(&head, "head", "", "head of the session or auction at some time, which must be on the way to its end")
	cmd.Flags().StringVar(&key, "key", "", "public key of the service, for a transcript: see mabus auctions key")
	cmd.Flags().StringVar(&keys, "keys", "", "file with the members' keys, for a certificate")
	return cmd
}

// finding is something that was checked, and fits.
type finding interface{ print(w io.Writer) }

// recognise tells a transcript from the rest.
func recognise(data []byte, key, head string, keys func() ([]byte, error)) (finding, error) {
	if isTranscript(data) {
		return verifyTranscript(data, key, head)
	}
	if key != "" {
		return nil, fmt.Errorf("%w: --key is for a transcript that mabus auctions transcript has written", errUsage)
	}
	return verify(data, head, keys)
}

func readProof(cmd *cobra.Command, name string) ([]byte, error) {
	in := cmd.InOrStdin()
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxProof+1))
	if err == nil && len(data) > maxProof {
		err = fmt.Errorf("%s has more than %d bytes, which is the most", name, maxProof)
	}
	return data, err
}

// verified is what was checked, and fits.
type verified struct {
	Session string           `json:"session"`
	Type    api.SessionType  `json:"type,omitempty"`
	State   api.SessionState `json:"state,omitempty"`
	Steps   int              `json:"steps,omitempty"`
	Rounds  int              `json:"rounds,omitempty"`
	Answers int              `json:"answers,omitempty"`
	Head    string           `json:"head,omitempty"`
	// Known is the step after which the head was that which is known from elsewhere.
	Known  int             `json:"known,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	// Certificate is that of a byzantine session, or the only thing that there was to check.
	Certificate *decided `json:"certificate,omitempty"`
}

func (v *verified) print(w io.Writer) {
	row(w, "session", v.Session)
	if v.Steps > 0 {
		row(w, "type", v.Type)
		row(w, "state", v.State)
		row(w, "chain", fmt.Sprintf("%d steps lead to the head", v.Steps))
		row(w, "transcript", fmt.Sprintf("rounds: %d, answers: %d, all of them in the chain", v.Rounds, v.Answers))
		row(w, "head", v.Head)
		if v.Known > 0 {
			row(w, "known", fmt.Sprintf("the given head is that after step %d", v.Known))
		}
		if len(v.Result) > 0 && v.Certificate == nil { // which has the decision, and is long
			row(w, "result", string(v.Result))
		}
	}
	if c := v.Certificate; c != nil {
		row(w, "certificate", fmt.Sprintf("signed by %d of %d members, %d are needed: %s", len(c.Signers), c.Members, c.Quorum, strings.Join(c.Signers, ",")))
		row(w, "keys", c.Keys)
		row(w, "decision", string(c.Value))
	}
}

// verify recognises what it is given, and checks it. A head is one that is known from elsewhere, or "".
func verify(data []byte, head string, keys func() ([]byte, error)) (*verified, error) {
	var shape struct {
		Session    json.RawMessage `json:"session"`
		Steps      json.RawMessage `json:"steps"`
		Signatures json.RawMessage `json:"signatures"`
	}
	if err := codec.Read(data, &shape); err != nil {
		return nil, fmt.Errorf("it is not a JSON object: %w", err)
	}
	switch {
	case len(shape.Session) > 0 && len(shape.Steps) > 0:
		return verifySession(data, head)
	case len(shape.Signatures) > 0 && head != "":
		return nil, fmt.Errorf("%w: --head is of a session, and a certificate has none", errUsage)
	case len(shape.Signatures) > 0:
		file, err := keys()
		if err != nil {
			return nil, err
		}
		return verifyCertificate(data, file)
	}
	return nil, fmt.Errorf("it is neither a session that mabus sessions export has written, nor a transcript of an auction, nor a certificate")
}

func verifySession(data []byte, head string) (*verified, error) {
	var e exported
	if err := codec.Decode(data, &e); err != nil {
		return nil, err
	}
	x := &e.Session
	if err := session.Verify(x, e.Steps); err != nil {
		return nil, err
	}
	v := &verified{Session: x.ID, Type: x.Type, State: x.State, Steps: len(e.Steps), Rounds: len(x.Rounds), Answers: x.Stats.Answered, Head: x.Head, Result: x.Result}
	if head != "" {
		if v.Known = session.HeadAfter(x, e.Steps, head); v.Known == 0 {
			return nil, fmt.Errorf("session %s never had the head %.80q: this is another transcript than the one that it is of", x.ID, head)
		}
	}
	if x.Type == api.SessionByzantine && x.State == api.SessionCompleted {
		var err error
		if v.Certificate, err = certified(x); err != nil {
			return nil, err
		}
	}
	return v, nil
}
