package pbft_test

import (
	"crypto/ed25519"
	"fmt"
	"testing"

	"github.com/nats-io/nkeys"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/pbft"
)

func TestQuorum(t *testing.T) {
	for _, c := range []struct{ n, f, quorum int }{
		{1, 0, 1}, {2, 0, 2}, {3, 0, 3}, {4, 1, 3}, {5, 1, 4}, {6, 1, 5}, {7, 2, 5}, {10, 3, 7}, {13, 4, 9}, {100, 33, 67},
	} {
		if q, f := pbft.Quorum(c.n), pbft.MaxFaulty(c.n); q != c.quorum || f != c.f {
			t.Errorf("%d members: quorum %d, f %d; want %d, %d", c.n, q, f, c.quorum, c.f)
		}
	}
}

func TestQuorumsAreSafeAndEnough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 1000).Draw(t, "n")
		f, q := rapid.IntRange(0, pbft.MaxFaulty(n)).Draw(t, "f"), pbft.Quorum(n)
		if shared := 2*q - n; shared < f+1 {
			t.Errorf("two quorums of %d may share %d members, of whom %d are faulty", q, shared, f)
		}
		if q > n-f {
			t.Errorf("%d honest members are no quorum of %d", n-f, q)
		}
		if least := (n + f + 2) / 2; q < least { // ceil((n+f+1)/2)
			t.Errorf("quorum %d, the least that is safe is %d", q, least)
		}
		if pbft.Needed(f) > n {
			t.Errorf("%d members are said to be too few for f = %d", n, f)
		}
	})
}

func TestTolerates(t *testing.T) {
	group := func(keys, hosts string) []pbft.Member {
		var all []pbft.Member
		for i := range keys {
			host := string(hosts[i])
			if host == "?" {
				host = ""
			}
			all = append(all, pbft.Member{ID: fmt.Sprint("a", i), Key: ed25519.PublicKey{keys[i]}, Host: host})
		}
		return all
	}
	for _, c := range []struct {
		keys, hosts         string
		wantKeys, wantHosts int
	}{
		{"a", "1", 0, 0},
		{"abcd", "1234", 1, 1},
		{"abcd", "1123", 1, 0},
		{"aacd", "1234", 0, 1},
		{"abcd", "1111", 1, 0},
		{"abcdefg", "1122334", 2, 1},
		{"aacdefg", "1234567", 1, 2},
		{"abcdefghij", "1112223334", 3, 1},
		{"abcdefghij", "1111111234", 3, 0}, // (hosts-1)/3 would say 1, but one host has seven of ten members
		{"abcdefg", "12345??", 2, 1},
	} {
		got := pbft.Tolerates(group(c.keys, c.hosts), 1)
		if want := (pbft.Tolerance{Claimed: 1, Keys: c.wantKeys, Hosts: c.wantHosts}); got != want {
			t.Errorf("keys %s, hosts %s: %+v, want %+v", c.keys, c.hosts, got, want)
		}
	}
}

func TestNew(t *testing.T) {
	members, _ := newMembers(4)
	good := pbft.Config{Session: "s1", Members: members, Self: "a00", F: 1, Sign: func([]byte) []byte { return nil }}
	short := append([]pbft.Member{}, members...)
	short[2].Key = short[2].Key[:31]
	many, _ := newMembers(101)
	for name, c := range map[string]struct {
		reason string
		code   api.Code
		change func(*pbft.Config)
	}{
		"good":          {"", "", func(*pbft.Config) {}},
		"two for one":   {pbft.ReasonInsufficientAgents, api.FailedPrecondition, func(c *pbft.Config) { c.Members = members[:2] }},
		"four for two":  {pbft.ReasonInsufficientAgents, api.FailedPrecondition, func(c *pbft.Config) { c.F = 2 }},
		"four for many": {pbft.ReasonInsufficientAgents, api.FailedPrecondition, func(c *pbft.Config) { c.F = 1 << 62 }},
		"nobody":        {pbft.ReasonInsufficientAgents, api.FailedPrecondition, func(c *pbft.Config) { c.F, c.Members = 0, nil }},
		"negative f":    {"", api.Invalid, func(c *pbft.Config) { c.F = -1 }},
		"101":           {"", api.Invalid, func(c *pbft.Config) { c.Members = many }},
		"twice":         {"", api.Invalid, func(c *pbft.Config) { c.Members = append(members[:3:3], members[0]) }},
		"short key":     {"", api.Invalid, func(c *pbft.Config) { c.Members = short }},
		"no session":    {api.ReasonMissingFields, api.Invalid, func(c *pbft.Config) { c.Session = "" }},
		"stranger":      {"", api.Invalid, func(c *pbft.Config) { c.Self = "b" }},
		"no key":        {"", api.Invalid, func(c *pbft.Config) { c.Sign = nil }},
		"sequences":     {"", api.Invalid, func(c *pbft.Config) { c.Sequences = pbft.MaxSequences + 1 }},
		"window":        {"", api.Invalid, func(c *pbft.Config) { c.Window = 9 }},
		"checkpoint":    {"", api.Invalid, func(c *pbft.Config) { c.Window, c.CheckpointEvery = 2, 3 }},
		"timeout":       {"", api.Invalid, func(c *pbft.Config) { c.Timeout = 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good
			c.change(&cfg)
			if _, err := pbft.New(cfg); api.CodeOf(err) != c.code || api.ReasonOf(err) != c.reason {
				t.Errorf("%v; want %q %q", err, c.code, c.reason)
			}
		})
	}
	cfg := good
	cfg.Members = members[:2]
	_, err := pbft.New(cfg)
	if want := "to tolerate 1 faulty members a session needs 4 members, it has 2: add members, or lower f"; api.AsError(err).Message != want {
		t.Errorf("message %q, want %q", api.AsError(err).Message, want)
	}
}

func TestKeys(t *testing.T) {
	for range 50 {
		pair, err := nkeys.CreateUser()
		if err != nil {
			t.Fatal(err)
		}
		text, _ := pair.PublicKey()
		key, err := pbft.DecodeKey(text)
		if err != nil || pbft.EncodeKey(key) != text {
			t.Fatalf("%s is read as %x, %v", text, key, err)
		}
		sig, _ := pair.Sign([]byte("x"))
		if !ed25519.Verify(key, []byte("x"), sig) {
			t.Fatalf("%s does not verify what its pair has signed", text)
		}
	}
	account, _ := nkeys.CreateAccount()
	user, _ := nkeys.CreateUser()
	a, _ := account.PublicKey()
	u, _ := user.PublicKey()
	seed, _ := user.Seed()
	for _, text := range []string{"", "U", a, string(seed), u[:55], u + "A", u[:20] + "A" + u[20:], "\xff\xfe", "u" + u[1:]} {
		if _, err := pbft.DecodeKey(text); api.CodeOf(err) != api.Invalid {
			t.Errorf("%q: %v", text, err)
		}
	}
}
