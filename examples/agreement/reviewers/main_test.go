package main

import (
	"bytes"
	"context"
	"go/build"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/examples/agreement"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

const patience = time.Minute

// verdicts has a document reviewed over NATS, and returns the votes by criterion, the result, and what is printed.
func verdicts(t *testing.T, goroot, document string) (map[string]api.BallotAnswer, api.BallotResult, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := agreement.Open(ctx, agreement.Config{Server: natstest.Start(t).URL(), Services: agreement.Services(), Modules: []agent.Module{reviewer}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(ctx); err != nil {
			t.Error(err)
		}
	}()
	x, err := review(ctx, r, options{goroot: goroot, document: document})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	var result api.BallotResult
	if err := report(&out, r, document, x); err != nil {
		t.Fatal(err)
	}
	if err := codec.Decode(x.Result, &result); err != nil {
		t.Fatal(err)
	}
	votes := map[string]api.BallotAnswer{}
	for _, a := range x.Rounds[0].Asks {
		var v api.BallotAnswer
		if a.State == api.AskAnswered {
			if err := codec.Decode(a.Answer, &v); err != nil {
				t.Fatal(err)
			}
		}
		votes[r.Name(a.Member)] = v
	}
	return votes, result, out.String()
}

// count is the outcome of a majority of the votes, counted by hand.
func count(votes map[string]api.BallotAnswer) (yes, no, abstained int) {
	for _, v := range votes {
		switch {
		case v.Abstain:
			abstained++
		case v.Choice == accept:
			yes++
		case v.Choice == reject:
			no++
		}
	}
	return yes, no, abstained
}

// TestARealDocument: the votes on a document of Go's tree are counted as a second count has it, and the reviewer of lines has seen what
// a search for long lines sees.
func TestARealDocument(t *testing.T) {
	goroot, name := build.Default.GOROOT, "src/cmd/compile/README.md"
	data, err := os.ReadFile(filepath.Join(goroot, filepath.FromSlash(name)))
	if err != nil {
		t.Skipf("Go is installed without its source, which is what is reviewed: %v", err)
	}
	votes, result, printed := verdicts(t, goroot, name)
	yes, no, abstained := count(votes)
	if yes+no+abstained != len(criteria) || result.Members != len(criteria) || result.Participants != len(criteria) || result.Abstained != abstained {
		t.Fatalf("%d for, %d against, %d abstain; %+v", yes, no, abstained, result)
	}
	if result.Tally[accept] != api.Decimal(yes)*api.One || result.Tally[reject] != api.Decimal(no)*api.One {
		t.Errorf("%d for, %d against; tally %v", yes, no, result.Tally)
	}
	if yes != no && (!result.ConsensusReached || (result.Decision == accept) != (yes > no)) {
		t.Errorf("%d for, %d against; %+v", yes, no, result)
	}
	long := 0
	for l := range strings.Lines(string(data)) { // this document has no code blocks in which lines may be long
		l = strings.TrimRight(l, "\n")
		if utf8.RuneCountInString(l) > 80 && !regexp.MustCompile(`https?://|^\[`).MatchString(l) {
			long++
		}
	}
	if got := votes["lines"].Choice == reject; got != (long > 0) {
		t.Errorf("%d long lines, the vote is %+v", long, votes["lines"])
	}
	for name, v := range votes {
		if v.Reason == "" || !strings.Contains(printed, name) || !strings.Contains(printed, v.Reason) {
			t.Errorf("%s %+v is missing in\n%s", name, v, printed)
		}
	}
}

const good = "# One\n\nText with a [link](b.md), [another](#two) and [a third](/src/c.go).\n\n## Two\n\n```go\nfunc f() {}\n```\n"

// TestDecisions: the majority of those who vote decides, and the votes of the others are still heard.
func TestDecisions(t *testing.T) {
	root := t.TempDir()
	long := strings.Repeat("word ", 30)
	for name, text := range map[string]string{
		"src/c.go": "package c\n", "doc/b.md": "# B\n", "doc/good.md": good, "doc/poor.md": "# One\n\n" + long + "\n\n### Three\n\n[nowhere](x.md)\n",
		"doc/even.md": "# One\n\nthe the\n" + long + "\n\n[here](b.md)\n",
	} {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		yes, no, abstained int
		decision           string
	}{
		"doc/good.md": {5, 0, 0, accept},
		"doc/poor.md": {0, 4, 1, reject}, // words come twice in the long line
		"doc/even.md": {2, 2, 1, "none"},
		"doc/gone.md": {0, 0, 0, "none"}, // nobody can read it, and nobody votes
	} {
		t.Run(name, func(t *testing.T) {
			votes, result, printed := verdicts(t, root, name)
			yes, no, abstained := count(votes)
			if yes != c.yes || no != c.no || abstained != c.abstained || result.ConsensusReached != (c.decision != "none") {
				t.Errorf("%d for, %d against, %d abstain; %+v\n%s", yes, no, abstained, result, printed)
			}
			if !strings.Contains(printed, "\ndecision  "+c.decision) {
				t.Errorf("printed\n%s", printed)
			}
		})
	}
}

// TestCriteria: each finds what it is for, at the line where it is, and nothing in a document without fault.
func TestCriteria(t *testing.T) {
	tree := fstest.MapFS{"doc/b.md": {}, "src/c.go": {}}
	fenced := func(code string) string { return "```go\n" + code + "```\n" }
	for _, c := range []struct {
		criterion, text string
		want            []string // parts of the findings
		applies         bool
	}{
		{"lines", good, nil, true},
		{"lines", strings.Repeat("ä", 80) + "\n" + strings.Repeat("ä", 81), []string{"line 2 has 81"}, true},
		{"lines", strings.Repeat("x ", 50) + "https://go.dev\n\n    " + strings.Repeat("x", 99), nil, true},
		{"headings", good, nil, true},
		{"headings", "# A\n### B\n", []string{"line 2 goes from level 1 to 3"}, true},
		{"headings", "A\n===\n\nB\n---\n\nA\n---\n", []string{"line 7 is the heading of line 1"}, true},
		{"headings", "text\n\n---\n\n#hashtag\n", nil, false},
		{"headings", fenced("# no heading\n"), nil, false},
		{"links", good, nil, true},
		{"links", "[a](gone.md) [b](b.md#part)\n\n[c]: ../src/gone.go\n", []string{"line 1: gone.md", "line 3: ../src/gone.go"}, true},
		{"links", "# A {#here}\n[a](#here) [b](#there) [c](#a)", []string{"#there", "#a leads"}, true},
		{"links", "[a](https://go.dev/gone) `[b](gone.md)`", nil, false},
		{"links", "[up](../../../outside)", []string{"leads nowhere"}, true},
		{"code", good, nil, true},
		{"code", fenced("package p\n") + fenced("type T int\n") + fenced("x := f()\n"), nil, true},
		{"code", "text\n\n" + fenced("func {\n"), []string{"the code at line 4"}, true},
		{"code", "```sh\nfunc {\n```\n\n    func {\n", nil, false},
		{"code", "```go\nfunc {", []string{"line 2"}, true},
		{"words", good, nil, true},
		{"words", "it is the\nThe end, that that; se" + "perate", []string{"line 2: the comes twice", "perate should be separate"}, true},
		{"words", "the\n\nthe `x` `x` a, a", nil, true},
		{"words", "", nil, false},
	} {
		for _, by := range criteria {
			if by.name != c.criterion {
				continue
			}
			found, applies := by.check(parse("doc", c.text), tree)
			if len(found) != len(c.want) || applies != c.applies {
				t.Errorf("%s of %q: %q, %v", c.criterion, c.text, found, applies)
				continue
			}
			for i, part := range c.want {
				if !strings.Contains(found[i], part) {
					t.Errorf("%s of %q: %q, want %q", c.criterion, c.text, found[i], part)
				}
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(good)
	f.Fuzz(func(t *testing.T, text string) {
		for _, by := range criteria {
			v, err := vote(fstest.MapFS{"a.md": {Data: []byte(text)}}, "a.md", by)
			if err != nil || len(v.Reason) > maxReason || !utf8.ValidString(v.Reason) {
				t.Errorf("%s: %+v, %v", by.name, v, err)
			}
		}
	})
}
