package mechanism_test

import (
	"strings"
	"testing"

	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/shared/api"
)

const salt = "0123456789abcdef"

// The form must not change: commitments outlive the program that made them. The digest was made by another implementation.
func TestCommitmentForm(t *testing.T) {
	if got := mechanism.Commitment("a1", "agent", 1_500_000, 3, salt); got != "5bb4d9dcac17fbf1bbac19054fedf6c4fd5a2cab2519ef0a04a98e7f466a0023" {
		t.Error(got)
	}
}

func TestCommitmentOpens(t *testing.T) {
	c := mechanism.Commitment("a1", "agent", 15, 3, salt)
	if err := mechanism.CheckCommitment(c); err != nil {
		t.Error(err)
	}
	for _, row := range []struct {
		auction, bidder string
		price           api.Micro
		quantity        int64
		salt            string
		want            bool
	}{
		{"a1", "agent", 15, 3, salt, true},
		{"a2", "agent", 15, 3, salt, false},
		{"a1", "agenu", 15, 3, salt, false},
		{"a1", "agent", 16, 3, salt, false},
		{"a1", "agent", 15, 4, salt, false},
		{"a1", "agent", 15, 3, salt + "0", false},
		{"a1a", "gent", 15, 3, salt, false}, // the ends of the fields are bound
		{"a1", "agent", 153, 0, salt, false},
	} {
		if got := mechanism.Opens(c, row.auction, row.bidder, row.price, row.quantity, row.salt); got != row.want {
			t.Errorf("%+v: %v", row, got)
		}
	}
	for _, s := range []string{"", "short", strings.Repeat("x", mechanism.MaxSalt+1)} {
		if mechanism.Opens(mechanism.Commitment("a1", "agent", 15, 3, s), "a1", "agent", 15, 3, s) {
			t.Errorf("a salt of %d bytes opens", len(s))
		}
	}
}

func FuzzCheckCommitment(f *testing.F) {
	f.Add(mechanism.Commitment("a1", "agent", 15, 3, salt))
	f.Add(strings.ToUpper(mechanism.Commitment("a1", "agent", 15, 3, salt)))
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		ok := len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
		if err := mechanism.CheckCommitment(s); (err == nil) != ok {
			t.Errorf("%q: %v", s, err)
		}
	})
}
