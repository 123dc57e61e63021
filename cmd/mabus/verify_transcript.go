package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mabus-project/mabus/services/economics/auction"
	"github.com/mabus-project/mabus/services/economics/transcript"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// proven is a transcript of an auction that fits: whoever signed it is who is trusted, and the rules come to the same end.
type proven struct {
	Auction   string `json:"auction"`
	Namespace string `json:"namespace"`
	Steps     int    `json:"steps"`
	Head      string `json:"head"`
	Key       string `json:"key"`
	// Known is the step after which the head was that which is known from elsewhere.
	Known int `json:"known,omitempty"`
	// Recomputed is what the rules find from the steps, which is what the transcript says.
	Recomputed *auction.Result `json:"recomputed"`
}

// isTranscript tells whether this is what `mabus auctions transcript` writes, rightly or not.
func isTranscript(data []byte) bool {
	var shape struct {
		Entity json.RawMessage `json:"entity"`
		Steps  json.RawMessage `json:"steps"`
	}
	return codec.Read(data, &shape) == nil && len(shape.Entity) > 0 && len(shape.Steps) > 0
}

// verifyTranscript checks that a transcript was signed with the key that is trusted, and carries its steps out once more. A head is one that
// is known from elsewhere, or "".
func verifyTranscript(data []byte, key, head string) (*proven, error) {
	if key == "" {
		return nil, fmt.Errorf("%w: a transcript proves something to those who know the key of the service: name it by --key (mabus auctions key prints it)", errUsage)
	}
	var t api.Transcript
	if err := codec.Decode(data, &t); err != nil {
		return nil, err
	}
	if err := transcript.Verify(&t, key); err != nil {
		return nil, err
	}
	if err := asWritten(data, &t); err != nil {
		return nil, err
	}
	p := &proven{Auction: strings.TrimPrefix(t.Entity, "auction/"), Namespace: t.Namespace, Steps: len(t.Steps), Head: t.Head, Key: t.Key}
	if p.Auction == t.Entity {
		return nil, fmt.Errorf("it is the transcript of %.80q: only those of auctions can be recomputed", t.Entity)
	}
	if head != "" {
		heads, err := transcript.Heads(t.Entity, t.Steps)
		if err != nil {
			return nil, err
		}
		if p.Known = slices.Index(heads, head) + 1; p.Known == 0 {
			return nil, fmt.Errorf("auction %s never had the head %.80q: this is another transcript than the one that it is of", p.Auction, head)
		}
	}
	var err error
	if p.Recomputed, err = auction.Recompute(t.Steps); err != nil {
		return nil, err
	}
	if p.Recomputed.ID != p.Auction {
		return nil, fmt.Errorf("it is called the transcript of auction %s, and its steps are those of %s", p.Auction, p.Recomputed.ID)
	}
	return p, nil
}

// asWritten refuses what means the same in another spelling, so that every changed byte is found.
func asWritten(data []byte, t *api.Transcript) error {
	again, err := codec.Marshal(t)
	if err != nil {
		return err
	}
	signature, err := base64.StdEncoding.DecodeString(t.Signature)
	if err != nil || base64.StdEncoding.EncodeToString(signature) != t.Signature || !bytes.Equal(bytes.TrimSuffix(data, []byte("\n")), again) {
		return fmt.Errorf("the file is not as it was written: it says the same in another form")
	}
	return nil
}

func (p *proven) print(w io.Writer) {
	r := p.Recomputed
	row(w, "auction", p.Auction)
	row(w, "type", r.Type)
	row(w, "state", r.State)
	row(w, "chain", fmt.Sprintf("%d steps lead to the head", p.Steps))
	row(w, "head", p.Head)
	row(w, "signature", "that of the key "+p.Key)
	if p.Known > 0 {
		row(w, "known", fmt.Sprintf("the given head is that after step %d", p.Known))
	}
	row(w, "recomputed", fmt.Sprintf("the same end; bids: %d, payments: %d", r.Bids, len(r.Payments)))
	printOutcome(w, r.Outcome)
	for _, x := range r.Payments {
		row(w, x.Kind, fmt.Sprintf("%s from %s to %s", money(x.Amount), x.From, x.To))
	}
}
