package transcript_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/transcript"
	"github.com/mabus-project/mabus/shared/api"
)

var begin = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)

func key(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
}

func written(t interface{ Fatal(...any) }, n int) *api.Transcript {
	var l transcript.Log
	for i := range n {
		if err := l.Add("auction/a", begin.Add(time.Duration(i)), "bid", "ann", map[string]int{"n": i}, fmt.Sprint("salt", i)); err != nil {
			t.Fatal(err)
		}
	}
	x := &api.Transcript{Namespace: "mabus", Entity: "auction/a", Steps: l.Recent, Head: l.Head}
	transcript.Sign(x, key(1))
	return x
}

func TestAWholeTranscriptIsVerified(t *testing.T) {
	x := written(t, 5)
	if err := transcript.Verify(x, transcript.PublicKey(key(1))); err != nil {
		t.Fatal(err)
	}
	head := &api.Transcript{Namespace: x.Namespace, Entity: x.Entity, Head: x.Head}
	if transcript.SignHead(head, len(x.Steps), key(1)); head.Signature != x.Signature || head.Key != x.Key {
		t.Error("the signature of a head is not that of its transcript")
	}
	x.Steps[2] = transcript.Withhold(x.Steps[2])
	if x.Steps[2].Body != nil || x.Steps[2].Salt != "" {
		t.Error("a withheld step says what it says")
	}
	if err := transcript.Verify(x, transcript.PublicKey(key(1))); err != nil {
		t.Errorf("with a step withheld: %v", err)
	}
}

// Every change of any byte of the transcript's JSON is found, or is no transcript any more.
func TestEveryChangedByteIsFound(t *testing.T) {
	good, err := json.Marshal(written(t, 3))
	if err != nil {
		t.Fatal(err)
	}
	want, _ := json.Marshal(written(t, 3))
	for i := range good {
		for _, bit := range []byte{1, 2, 4, 8, 16, 32, 64, 128} {
			bad := bytes.Clone(good)
			bad[i] ^= bit
			x := new(api.Transcript)
			if json.Unmarshal(bad, x) != nil {
				continue
			}
			if again, _ := json.Marshal(x); bytes.Equal(again, want) {
				continue // the same in another spelling
			}
			if transcript.Verify(x, transcript.PublicKey(key(1))) == nil {
				t.Fatalf("byte %d as %q passes: %s", i, bad[i], bad)
			}
		}
	}
}

func TestAChainWrittenAnewIsFound(t *testing.T) {
	x := written(t, 3)
	x.Steps[1].By = "bob"
	heads, err := transcript.Heads(x.Entity, x.Steps)
	if err != nil {
		t.Fatal(err)
	}
	x.Head = heads[2]
	if transcript.Verify(x, transcript.PublicKey(key(1))) == nil {
		t.Error("another chain passes with the old signature")
	}
	transcript.Sign(x, key(2))
	if transcript.Verify(x, transcript.PublicKey(key(1))) == nil {
		t.Error("another chain passes with another key")
	}
	short := written(t, 3)
	short.Steps, short.Head = short.Steps[:2], heads[1]
	if transcript.Verify(short, transcript.PublicKey(key(1))) == nil {
		t.Error("a chain without its end passes")
	}
}

// Pages that are archived in any order are dropped from the front, nothing is lost, and the steps of a copy do not show in the original.
func TestPages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l transcript.Log
		var asked []uint64
		for range rapid.IntRange(0, 6*transcript.Page).Draw(t, "steps") {
			before, n := l, len(l.Recent)
			if err := l.Add("e", begin, "x", "", struct{}{}, ""); err != nil {
				t.Fatal(err)
			}
			if len(before.Recent) != n {
				t.Fatal("the original has grown")
			}
			if from, due := l.Due(); due {
				asked = append(asked, from)
			}
		}
		for _, from := range rapid.Permutation(asked).Draw(t, "order") {
			l.StoredPage(from)
			l.StoredPage(from)
			if uint64(len(l.Recent)) != l.Count-l.Archived || len(l.Recent) > 0 && l.Recent[0].Number != l.Archived+1 {
				t.Fatalf("%d steps from %d, of which %d are archived", len(l.Recent), l.Count, l.Archived)
			}
		}
		if l.Archived != l.Count/transcript.Page*transcript.Page || len(l.Stored) != 0 {
			t.Fatalf("%d of %d are archived, %v wait", l.Archived, l.Count, l.Stored)
		}
	})
}
