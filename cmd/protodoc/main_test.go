package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/shared/api"
)

func generated(t *testing.T) string {
	t.Helper()
	var out bytes.Buffer
	if err := generate(&out, "../.."); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestTheProtocolPageIsFresh(t *testing.T) {
	want := generated(t)
	got, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/protocol.md is stale: run go run ./cmd/protodoc > docs/protocol.md\n%s", diff)
	}
}

func TestThePageIsWhole(t *testing.T) {
	text := generated(t)
	for _, d := range api.Methods {
		if !strings.Contains(text, "\n### "+d.Name()+"\n") {
			t.Errorf("%s is missing", d.Name())
		}
	}
	for _, c := range api.Codes {
		if !strings.Contains(text, "\n| `"+string(c)+"` | ") {
			t.Errorf("the code %s is missing", c)
		}
	}
	headings := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
		headings[anchor(m[1])]++
	}
	for heading, n := range headings {
		if n > 1 {
			t.Errorf("%d headings have the anchor %s", n, heading)
		}
	}
	for _, m := range regexp.MustCompile(`\]\((#[^)]*)\)`).FindAllStringSubmatch(text, -1) {
		if headings[m[1]] == 0 {
			t.Errorf("a link leads to %s, which is no heading", m[1])
		}
	}
	if regexp.MustCompile(`(?m)^\|  \|`).MatchString(text) {
		t.Error("a table has a row without its first cell")
	}
}

func TestTheTableOfStoresIsFresh(t *testing.T) {
	got, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(got), "\n\n"+stores()+"\n") {
		t.Errorf("docs/operations.md has not the table of stores that go run ./cmd/protodoc stores writes:\n%s", stores())
	}
}
