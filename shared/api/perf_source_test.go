package api_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
)

// A source is an id and its principal's own, and no other's, however their names are alike.
func TestSourcesAreTheirPrincipals(t *testing.T) {
	id := rapid.OneOf(rapid.StringMatching(`[ab_-]{1,6}`), rapid.StringMatching(`[A-Za-z0-9_-]{1,64}`), rapid.StringMatching(`a{38,42}_{0,4}b?`))
	rapid.Check(t, func(t *rapid.T) {
		principal, other, life := id.Draw(t, "principal"), id.Draw(t, "other"), id.Draw(t, "life")
		source := api.SourceOf(principal, life)
		if !api.ValidID(source) || !api.OwnSource(principal, source) || api.OwnSource("", source) {
			t.Fatalf("%q of %q", source, principal)
		}
		if other != principal && api.OwnSource(other, source) {
			t.Fatalf("%q of %q is taken for one of %q", source, principal, other)
		}
	})
}

// Whoever's a name is, it is nobody else's: also of names that nobody was given by SourceOf, and of principals that are called like digests.
func TestASourceHasOneOwner(t *testing.T) {
	long := strings.Repeat("x", 60)
	digest, _, _ := strings.Cut(api.SourceOf(long, "l"), "__")
	principals := []string{"a", "a_", "a__", "a__b", "a__b__", "_", "__", "-", "-a", digest, long, long + "__", strings.Repeat("_", 64), strings.Repeat("a", 40), strings.Repeat("a", 41)}
	var sources []string
	for _, p := range principals {
		sources = append(sources, p, api.SourceOf(p, "l_i_f_e"), (p + "__x")[:min(len(p)+3, 64)], (p + "__")[:min(len(p)+2, 64)])
	}
	for _, source := range sources {
		var owners []string
		for _, p := range principals {
			if api.OwnSource(p, source) {
				owners = append(owners, p)
			}
		}
		if len(owners) > 1 {
			t.Errorf("%q is the source of %q", source, owners)
		}
	}
	if !api.OwnSource(long, long) || !api.OwnSource("ann", "ann") || !api.OwnSource("ann", "ann__n1-2") || api.OwnSource("ann", "ann__n_1__2") {
		t.Error("names of earlier versions")
	}
}

func TestOwnSeries(t *testing.T) {
	for _, c := range []struct {
		series api.Series
		want   bool
	}{
		{api.Series{Kind: api.SourceCustom, ID: "bob"}, true},
		{api.Series{Kind: api.SourceCaller, ID: "bob"}, true},
		{api.Series{Kind: api.SourceAgent, ID: "ann"}, true},
		{api.Series{Kind: api.SourceAgent, ID: "bob"}, false},
		{api.Series{Kind: api.SourceHost, ID: "ann"}, false},
		{api.Series{Kind: api.SourceService, ID: "ann"}, false},
	} {
		if api.OwnSeries("ann", c.series) != c.want {
			t.Errorf("%+v: %v", c.series, !c.want)
		}
	}
	if api.OwnSeries("", api.Series{Kind: api.SourceAgent}) {
		t.Error("nobody's series are nobody's")
	}
}
