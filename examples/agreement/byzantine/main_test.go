package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/mabus-project/mabus/examples/agreement"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/pbft"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

const patience = time.Minute

func small(t *testing.T, liars int, timeout time.Duration) options {
	t.Helper()
	return options{server: natstest.Start(t).URL(), services: agreement.Services(), out: filepath.Join(t.TempDir(), "proof"), liars: liars, timeout: timeout}
}

// play has the members decide, and calls look before they go.
func play(t *testing.T, o options, look func(*jury, *api.Session)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	j, err := convene(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := j.adjourn(ctx); err != nil {
			t.Error(err)
		}
	}()
	x, err := j.decide(ctx, o.timeout)
	if err != nil {
		t.Fatal(err)
	}
	look(j, x)
}

// TestOneLiar: the three others decide on what is right, whatever the fourth says.
func TestOneLiar(t *testing.T) {
	play(t, small(t, 1, 30*time.Second), func(j *jury, x *api.Session) {
		p, err := proofOf(x)
		if err != nil {
			t.Fatal(err)
		}
		if got := (payment{}); json.Unmarshal(p.certificate.Value, &got) != nil || got != due || !bytes.Equal(p.result.Decision, p.certificate.Value) {
			t.Errorf("decided %s, %s", p.certificate.Value, p.result.Decision)
		}
		if p.certificate.View == 0 {
			t.Error("it was decided in the view of the liar, who has proposed nothing that is right")
		}
		for _, s := range p.certificate.Signatures {
			if s.Member == j.liars[0].id || !slices.Contains(j.ids, s.Member) {
				t.Errorf("%s has signed", s.Member)
			}
		}
		l := j.liars[0]
		refused := func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			reason := api.ReasonOf(l.refusal) // on a slow machine the others may have decided before it came
			return reason == api.ReasonInvalidAnswer || reason == api.ReasonSessionEnded || reason == api.ReasonRoundClosed
		}
		natstest.Eventually(t, patience, refused, "the session has refused the forged certificate")
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, k := range []pbft.Kind{pbft.PrePrepare, pbft.Prepare, pbft.Commit, pbft.Decided, pbft.NewView} {
			if l.said[k] == 0 {
				t.Errorf("the liar has sent no %s", k)
			}
		}
		if bytes.Equal(l.lies[0], l.lies[1]) || len(l.forged.Signatures) != members {
			t.Errorf("the lies are %s and %s; forged %+v", l.lies[0], l.lies[1], l.forged)
		}
		if err := l.forged.Verify(p.members, p.f); api.ReasonOf(err) != pbft.ReasonBadCertificate {
			t.Errorf("the forged certificate: %v", err)
		}
	})
}

// TestTwoLiars: more than a third cannot be survived, and then nothing is decided, rather than something wrong.
func TestTwoLiars(t *testing.T) {
	play(t, small(t, 2, 4*time.Second), func(_ *jury, x *api.Session) {
		if x.State == api.SessionCompleted || len(x.Result) > 0 {
			t.Errorf("%s: %s", x.State, x.Result)
		}
		if _, err := proofOf(x); err == nil || !strings.Contains(err.Error(), "nothing is decided") {
			t.Error(err)
		}
	})
}

// TestTheFiles: what is written convinces somebody who knows no code of ours: the signatures are checked from the format's description.
func TestTheFiles(t *testing.T) {
	o := small(t, 1, 30*time.Second)
	var out strings.Builder
	if err := hold(t.Context(), &out, o); err != nil {
		t.Fatal(err)
	}
	var c struct {
		Session    string
		View, Seq  uint64
		Digest     []byte
		Value      []byte
		Signatures []struct {
			Member string
			Sig    []byte
		}
	}
	var keys []struct{ ID, Key string }
	for name, v := range map[string]any{"certificate.json": &c, "keys.json": &keys} {
		data, err := os.ReadFile(filepath.Join(o.out, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, v); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), name) {
			t.Errorf("%s is not named in\n%s", name, out.String())
		}
	}
	public := map[string]ed25519.PublicKey{}
	scope := text([]byte("mabus.pbft.scope.v1\x00"), c.Session)
	slices.SortFunc(keys, func(a, b struct{ ID, Key string }) int { return cmp.Compare(a.ID, b.ID) })
	for _, k := range keys {
		raw, err := nkeys.Decode(nkeys.PrefixByteUser, []byte(k.Key))
		if err != nil {
			t.Fatal(err)
		}
		public[k.ID] = raw
		scope = text(text(scope, k.ID), string(raw))
	}
	scoped, digest := sha256.Sum256(scope), sha256.Sum256(c.Value)
	good := map[string]bool{}
	for _, s := range c.Signatures {
		b := append([]byte("mabus.pbft.v1\x00"), byte(pbft.Commit))
		b = text(append(b, scoped[:]...), s.Member)
		b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, c.View), c.Seq)
		good[s.Member] = ed25519.Verify(public[s.Member], append(b, digest[:]...), s.Sig)
	}
	n := 0
	for member, ok := range good {
		if !ok {
			t.Errorf("the signature of %s is not good", member)
		}
		n++
	}
	if len(public) != members || n < 3 || !bytes.Equal(c.Digest, digest[:]) || c.Seq != 1 || !strings.Contains(string(c.Value), `"amount":120`) {
		t.Errorf("%d of %d members have signed %s", n, len(public), c.Value)
	}
	if !strings.Contains(out.String(), "mabus verify ") || !strings.Contains(out.String(), "12000") {
		t.Errorf("printed\n%s", out.String())
	}
}

// text is a text as signatures cover it: its length in two bytes in front.
func text(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

// TestJurors: a juror approves of what is in its books alone.
func TestJurors(t *testing.T) {
	b := books{Invoices: []payment{due}}
	other := due
	other.Amount++
	if !b.has(due) || b.has(other) || b.has(payment{}) {
		t.Errorf("%+v", b)
	}
	for _, liars := range []int{-1, members + 1} {
		if j, err := convene(t.Context(), options{liars: liars}); err == nil {
			t.Errorf("%d liars: %+v", liars, j)
		}
	}
}
