package form_test

import (
	"encoding/json"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/coordination/form"
	"github.com/mabus-project/mabus/shared/api"
)

func TestLabelsThatAreTheSame(t *testing.T) {
	cases := []struct {
		raw  string
		key  string
		want bool
	}{
		{`"yes"`, "yes", true},
		{` " Yes  Sir " `, "yes sir", true},
		{`42`, "42", true},
		{`42.0`, "42", true},
		{`"4.2e1"`, "42", true},
		{`-0.50`, "-0.5", true},
		{`true`, "true", true},
		{`"TRUE"`, "true", true},
		{`""`, "", false},
		{`"  "`, "", false},
		{`null`, "", false},
		{`[1]`, "", false},
		{`{"a":1}`, "", false},
		{`1e300`, "", false},
		{`truth`, "", false},
		{`"open`, "", false},
		{``, "", false},
	}
	for _, c := range cases {
		got, ok := form.ReadLabel(json.RawMessage(c.raw))
		if ok != c.want || ok && got.Key != c.key {
			t.Errorf("%s: got %q %v, want %q %v", c.raw, got.Key, ok, c.key, c.want)
		}
	}
}

func TestKeyOfAKeyIsItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := form.Key(rapid.String().Draw(t, "text"))
		if again := form.Key(key); again != key {
			t.Fatalf("key %q becomes %q", key, again)
		}
	})
}

func TestMembers(t *testing.T) {
	cases := []struct {
		members []api.SessionMember
		reason  string
	}{
		{nil, ""},
		{[]api.SessionMember{}, api.ReasonEmptyAgentPool},
		{make([]api.SessionMember, 1), api.ReasonFewParticipants},
		{make([]api.SessionMember, 2), ""},
		{make([]api.SessionMember, 3), ""},
		{make([]api.SessionMember, 4), api.ReasonManyParticipants},
	}
	for _, c := range cases {
		if got := api.ReasonOf(form.Members(&api.Session{Members: c.members}, 2, 3)); got != c.reason {
			t.Errorf("%d members: got reason %q, want %q", len(c.members), got, c.reason)
		}
	}
}

func TestParamsNameWhatIsWrong(t *testing.T) {
	var into struct {
		Least api.Decimal `json:"least"`
	}
	for raw, field := range map[string]string{`{"lest":1}`: "/lest", `{"least":"x"}`: "/least", `[1]`: "params", `null`: "params"} {
		err := form.Params(&api.Session{Type: api.SessionFusion, Params: json.RawMessage(raw)}, &into)
		if api.ReasonOf(err) != api.ReasonConfiguration || !slices.Contains(api.AsError(err).Details.Fields, field) {
			t.Errorf("%s: got %v, want invalid_configuration of %s", raw, err, field)
		}
	}
	if err := form.Params(&api.Session{}, &into); err != nil {
		t.Errorf("no parameters: %v", err)
	}
}

func TestShortCutsBetweenCharacters(t *testing.T) {
	long := ""
	for range 100 {
		long += "é"
	}
	if got := form.Short("x" + long); len(got) != 119 {
		t.Errorf("got %d bytes, want the 119 that end with a character", len(got))
	}
}
