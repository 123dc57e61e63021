package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/services/economics/auction"
	"github.com/mabus-project/mabus/services/economics/transcript"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Any changed byte, or value, of a real transcript of each type is found; so is whatever else is written into it.
func TestVerifyTranscript(t *testing.T) {
	t.Parallel()
	h := openHall(t, "ann", "bob", "cy", "di")
	key, err := h.clients["di"].Auctions.Key(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range everyType() {
		data := h.hold(a)
		t.Run(a.spec.ID, func(t *testing.T) {
			v, err := verifyTranscript(data, key, "")
			if err != nil || v.Auction != a.spec.ID || v.Recomputed.Type != a.spec.Type || v.Recomputed.State != api.AuctionClosed || v.Recomputed.Outcome == nil {
				t.Fatalf("as it was written: %+v, %v", v, err)
			}
			flips(t, data, key)
			lies(t, data, key)
			spellings(t, data, key)
		})
	}
	t.Run("before its time", func(t *testing.T) { withheld(t, h, key) })
	t.Run("called off", func(t *testing.T) { calledOff(t, h, key) })
}

// flips changes each byte, and each value.
func flips(t *testing.T, data []byte, key string) {
	found := func(changed []byte) bool {
		_, err := recognise(changed, key, "", func() ([]byte, error) { return nil, errors.New("no keys") })
		return err != nil
	}
	bad := bytes.Clone(data)
	for i := range data {
		for _, flip := range []byte{1 << (i % 3), 8 << (i % 2)} {
			if bad[i] ^= flip; !found(bad) {
				t.Errorf("byte %d as %q passes: %.200s", i, bad[i], bad[max(i-100, 0):])
			}
			bad[i] = data[i]
		}
	}
	tried := 0
	for at, changed := range changes(t, data) {
		if tried++; !found(changed) {
			t.Errorf("with another %s it passes", at)
		}
	}
	if tried < 30 {
		t.Errorf("only %d values were changed", tried)
	}
}

// spellings says the same in another form, and what no step speaks of.
func spellings(t *testing.T, data []byte, key string) {
	text := string(data)
	for what, changed := range map[string]string{
		"a space":      strings.Replace(text, `,"head"`, `, "head"`, 1),
		"an escape":    strings.Replace(text, `"entity":"auction/`, `"entity":"auction\/`, 1),
		"a letter":     strings.Replace(text, `"what":"created"`, `"what":"cr\u0065ated"`, 1),
		"a time":       strings.Replace(text, `Z","what"`, `+00:00","what"`, 1),
		"a line":       text + "\n",
		"another line": text + text,
		"a member":     strings.Replace(text, `{"namespace"`, `{"winner":"mallory","namespace"`, 1),
		"a null":       strings.Replace(text, `"what":"created"`, `"what":"created","digest":null`, 1),
		"twice":        strings.Replace(text, `{"namespace"`, `{"head":"","namespace"`, 1),
		"a break":      strings.Replace(text, `"signature":"`, `"signature":"\n`, 1),
	} {
		if v, err := recognise([]byte(changed), key, "", nil); err == nil || changed == text {
			t.Errorf("%s more: %+v", what, v)
		}
	}
	if v, err := verifyTranscript(data, key, strings.Repeat("0", 64)); err == nil {
		t.Errorf("a head that it never had: %+v", v)
	}
}

// anew writes a transcript whose steps were changed with a chain of its own.
func anew(t *testing.T, data []byte, change func(x *api.Transcript)) *api.Transcript {
	t.Helper()
	x := new(api.Transcript)
	decode(t, data, x)
	change(x)
	heads, err := transcript.Heads(x.Entity, x.Steps)
	if err != nil {
		t.Fatal(err)
	}
	x.Head = heads[len(heads)-1]
	return x
}

// lies writes the whole chain anew.
func lies(t *testing.T, data []byte, key string) {
	liar := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	for name, lie := range map[string]struct {
		change func(x *api.Transcript)
		want   string
	}{
		"price": {func(x *api.Transcript) { changeOutcome(t, x, func(o *api.AuctionOutcome) { o.Awards[0].Price++ }) }, "the price of "},
		"winner": {func(x *api.Transcript) {
			changeOutcome(t, x, func(o *api.AuctionOutcome) { o.Awards[0].Bidder = "mallory" })
		}, "not mallory"},
		"payment": {func(x *api.Transcript) { changePaid(t, x, func(p *auction.Paid) { p.Payments[0].Amount-- }) }, "payment 1 is "},
		"payee": {func(x *api.Transcript) {
			changePaid(t, x, func(p *auction.Paid) { p.Payments[0].To = "mallory/main/credit" })
		}, "mallory"},
		"no money": {func(x *api.Transcript) { changePaid(t, x, func(p *auction.Paid) { p.Payments = p.Payments[1:] }) }, "payment 1 is "},
		"bidder":   {func(x *api.Transcript) { x.Steps[1].By = "mallory" }, ""},
		"no bid":   {func(x *api.Transcript) { x.Steps = without(x.Steps, 1) }, ""},
		"entity":   {func(x *api.Transcript) { x.Entity = "auction/other" }, "is called the transcript of auction other"},
		"a tender": {func(x *api.Transcript) { x.Entity = "tender/x" }, "only those of auctions"},
	} {
		x := anew(t, data, lie.change)
		if v, err := verifyTranscript(written(t, x), key, ""); err == nil {
			t.Errorf("another %s with the old signature passes: %+v", name, v)
		}
		transcript.Sign(x, liar)
		if v, err := verifyTranscript(written(t, x), key, ""); err == nil || !strings.Contains(err.Error(), "is signed with the key") {
			t.Errorf("another %s signed by somebody passes: %+v, %v", name, v, err)
		}
		x.Key = key
		if v, err := verifyTranscript(written(t, x), key, ""); err == nil {
			t.Errorf("another %s signed by somebody in the service's name passes: %+v", name, v)
		}
		if lie.want == "" { // another bid that has not won
			continue
		}
		// Even who signs cannot have another outcome than that of the bids.
		transcript.Sign(x, liar)
		v, err := verifyTranscript(written(t, x), transcript.PublicKey(liar), "")
		if err == nil || !strings.Contains(err.Error(), lie.want) && !(lie.want == "payment 1 is " && strings.Contains(err.Error(), "payment 1 is missing")) {
			t.Errorf("another %s signed by who is trusted: %+v, %v", name, v, err)
		}
	}
}

// changeOutcome changes that of the last step.
func changeOutcome(t *testing.T, x *api.Transcript, change func(o *api.AuctionOutcome)) {
	var o api.AuctionOutcome
	last := &x.Steps[len(x.Steps)-1]
	decode(t, last.Body, &o)
	change(&o)
	last.Body, _ = codec.Marshal(o)
}

// changePaid changes the payments.
func changePaid(t *testing.T, x *api.Transcript, change func(p *auction.Paid)) {
	i := slices.IndexFunc(x.Steps, func(s api.TranscriptStep) bool { return s.What == auction.StepPaid })
	if i < 0 {
		t.Fatal("nothing was paid")
	}
	var p auction.Paid
	decode(t, x.Steps[i].Body, &p)
	change(&p)
	x.Steps[i].Body, _ = codec.Marshal(p)
}

// without leaves a step out, and numbers the others anew.
func without(steps []api.TranscriptStep, i int) []api.TranscriptStep {
	steps = slices.Delete(steps, i, i+1)
	for n := range steps {
		steps[n].Number = uint64(n) + 1
	}
	return steps
}

// withheld: before an auction has closed, others' bids are in it by their digests, and prove nothing of its end.
func withheld(t *testing.T, h *hall, key string) {
	owner, bob := h.clients["ann"].Auctions, h.clients["bob"].Auctions
	if _, err := owner.Create(t.Context(), api.AuctionSpec{ID: "early", Type: api.AuctionVickrey, Item: json.RawMessage(`1`)}); err != nil {
		t.Fatal(err)
	}
	receipt, err := bob.Bid(t.Context(), "early", 77*unit)
	if err != nil {
		t.Fatal(err)
	}
	data := h.export("cy", "early")
	if bytes.Contains(data, []byte("77000000")) {
		t.Fatalf("the bid is told: %s", data)
	}
	if v, err := verifyTranscript(data, key, ""); err == nil || !strings.Contains(err.Error(), "step 2 (sealed): what it says is withheld") {
		t.Errorf("%+v, %v", v, err)
	}
	if v, err := verifyTranscript(h.export("bob", "early"), key, receipt.Head); err != nil || v.Recomputed.State != api.AuctionOpen || v.Known != 2 {
		t.Errorf("its own bid alone: %+v, %v", v, err)
	}
	if _, err := owner.Close(t.Context(), "early"); err != nil {
		t.Fatal(err)
	}
	data = h.export("cy", "early")
	if v, err := verifyTranscript(data, key, receipt.Head); err != nil || v.Recomputed.State != api.AuctionClosed {
		t.Errorf("%+v, %v", v, err)
	}
	hidden := anew(t, data, func(x *api.Transcript) { x.Steps[1] = transcript.Withhold(x.Steps[1]) })
	if v, err := verifyTranscript(written(t, hidden), key, ""); err == nil || !strings.Contains(err.Error(), "is withheld") {
		t.Errorf("what is withheld after the end: %+v, %v", v, err)
	}
}

// calledOff: the sealed bids of an auction that was called off stay sealed, and decide nothing.
func calledOff(t *testing.T, h *hall, key string) {
	if _, err := h.clients["ann"].Auctions.Create(t.Context(), api.AuctionSpec{ID: "off", Type: api.AuctionUniform, Item: json.RawMessage(`1`)}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.clients["bob"].Auctions.Bid(t.Context(), "off", 77*unit); err != nil {
		t.Fatal(err)
	}
	if _, err := h.clients[economics.DefaultOperator].Auctions.Cancel(t.Context(), "off", ""); err != nil {
		t.Fatal(err)
	}
	data := h.export("cy", "off")
	if v, err := verifyTranscript(data, key, ""); err != nil || v.Recomputed.State != api.AuctionCancelled || bytes.Contains(data, []byte("77000000")) {
		t.Errorf("%+v, %v: %s", v, err, data)
	}
}

// Whatever is in the file, it is an error.
func TestVerifyTranscriptTakesAnything(t *testing.T) {
	liar := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	key := transcript.PublicKey(liar)
	for _, text := range []string{
		`{"entity":1,"steps":2}`, `{"entity":"auction/a","steps":[]}`, `{"entity":"auction/a","steps":null,"key":"` + key + `"}`, `{"entity":null,"steps":null}`,
		`{"entity":"auction/a","steps":[{}],"key":"` + key + `"}`, `{"entity":"a","entity":"a","steps":[]}`,
	} {
		if v, err := recognise([]byte(text), key, "", nil); err == nil {
			t.Errorf("%s: %+v", text, v)
		}
	}
	for _, body := range []string{`null`, `{}`, `[]`, `1`, `{"terms":null}`, `{"terms":{"id":"a","type":"english","item":1,"duration":"1h"},"ends_at":"0001-01-01T00:00:00Z"}`} {
		for _, what := range []string{"created", "bid", "closed", "paid", "", "other"} {
			x := &api.Transcript{Entity: "auction/a", Steps: []api.TranscriptStep{{Number: 1, What: what, By: "ann", Body: json.RawMessage(body)}}}
			x = anew(t, written(t, x), func(*api.Transcript) {})
			transcript.Sign(x, liar)
			if v, err := verifyTranscript(written(t, x), key, ""); err == nil {
				t.Errorf("%s %s: %+v", what, body, v)
			}
		}
	}
	if _, err := verifyTranscript([]byte(`{"entity":"auction/a","steps":[]}`), "", ""); !errors.Is(err, errUsage) {
		t.Errorf("without a key: %v", err)
	}
}
