package byzantine

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/pbft"
)

// ReasonNoAgreement is why a session failed in which no host had a certificate.
const ReasonNoAgreement = "no_agreement"

// readCertificate reads an answer to the question run.
func readCertificate(answer json.RawMessage) (*pbft.Certificate, json.RawMessage, error) {
	var o api.ByzantineOutcome
	if err := codec.Decode(answer, &o); err != nil {
		return nil, nil, refused("the answer to %s must be a certificate: %v", api.PhaseRun, err)
	}
	c := new(pbft.Certificate)
	if err := codec.Decode(o.Certificate, c); err != nil {
		return nil, nil, refused("the certificate is not readable: %v", err)
	}
	return c, o.Certificate, nil
}

// proven returns the certificate of an answer if it proves that the session's members have decided on the session's question.
func proven(s *api.Session, answer json.RawMessage) (*pbft.Certificate, error) {
	c, _, err := readCertificate(answer)
	if err != nil {
		return nil, err
	}
	p, err := read(s.Params)
	if err != nil {
		return nil, err
	}
	value, err := Value(s.Question)
	if err != nil {
		return nil, err
	}
	switch {
	case c.Session != s.ID:
		return nil, refused("the certificate is of session %.80q", c.Session)
	case c.Seq != 1:
		return nil, refused("a session decides once, and the certificate is of its decision %d", c.Seq)
	case !bytes.Equal(c.Value, value):
		return nil, refused("the certificate is of another value than the session's question")
	}
	t := seated(s)
	if err := c.Verify(t.all(), *p.F); err != nil {
		return nil, refused("%v", err)
	}
	return c, nil
}

// end looks for a certificate. What has been accepted is proven. Once fewer members go on than a quorum, none can come, unless some
// that have failed go on all the same.
func end(s *api.Session, r *api.SessionRound) protocol.Step {
	failed, silent := 0, 0
	for i := range r.Asks {
		switch ask := &r.Asks[i]; ask.State {
		case api.AskAnswered:
			c, raw, err := readCertificate(ask.Answer)
			if err != nil {
				continue
			}
			return protocol.Step{Result: result(s, c, raw)}
		case api.AskFailed:
			failed++
		case api.AskSilent:
			silent++
		case api.AskOpen, api.AskUnneeded:
		}
	}
	n := len(s.Members)
	if lost := n - len(r.Asks) + failed + silent; !protocol.Closed(r) && n-lost >= pbft.Quorum(n) {
		return protocol.Step{}
	}
	return protocol.Step{Reason: ReasonNoAgreement + ": " + fmt.Sprintf("%d members are needed, and of the %d that were asked %d failed and %d did not answer in time", pbft.Quorum(n), len(r.Asks), failed, silent)}
}

func result(s *api.Session, c *pbft.Certificate, raw json.RawMessage) api.ByzantineResult {
	r := api.ByzantineResult{Decision: c.Value, View: c.View, Certificate: raw}
	t := seated(s)
	if p, err := read(s.Params); err == nil {
		r.F = *p.F
	}
	r.FByKeys, r.FByHosts = t.tolerance(r.F)
	return r
}
