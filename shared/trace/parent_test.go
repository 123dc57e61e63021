package trace_test

import (
	"regexp"
	"strings"
	"testing"

	oteltrace "go.opentelemetry.io/otel/trace"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/trace"
)

const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// form is the form of a traceparent of any version, as W3C Trace Context has it.
var form = regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[!-~]*)?$`)

func TestAcceptKnowsTheForm(t *testing.T) {
	for _, good := range []string{parent, "01" + parent[2:] + "-what-comes-later", "00" + strings.Repeat("-", 0) + parent[2:]} {
		if got := trace.Accept(good); got != good {
			t.Errorf("Accept(%q) = %q", good, got)
		}
	}
	for _, bad := range []string{
		"", "hello", parent[:54], parent + "0", parent + "-\x00", parent + strings.Repeat("-", 100), strings.ToUpper(parent), "\xff\xfe",
		strings.Replace(parent, "-", "_", 1), parent + "-ä",
	} {
		if got := trace.Accept(bad); got != "" {
			t.Errorf("Accept(%q) = %q", bad, got)
		}
	}
}

func TestAcceptIsTheForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := []byte(parent + rapid.StringMatching(`(-[!-~]{0,20})?`).Draw(t, "more"))
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "to")
		}
		text := string(b)
		if got := trace.Accept(text) != ""; got != form.MatchString(text) {
			t.Fatalf("%q: accepted %v", text, got)
		}
	})
}

func TestWhatComesGoesOn(t *testing.T) {
	for _, text := range []string{parent, strings.TrimSuffix(parent, "01") + "00", strings.TrimSuffix(parent, "01") + "ff"} {
		ctx := trace.Remote(t.Context(), text)
		if got := trace.Parent(ctx); got != text {
			t.Errorf("%q goes on as %q", text, got)
		}
		if !trace.Has(ctx) || !oteltrace.SpanContextFromContext(ctx).IsRemote() {
			t.Errorf("%q is no span of another process", text)
		}
	}
	later := "cc" + parent[2:] + "-more"
	if got := trace.Parent(trace.Remote(t.Context(), later)); got != parent {
		t.Errorf("of a later version goes on %q", got)
	}
	for _, none := range []string{
		"", "ff" + parent[2:], parent + "-more", "00-" + strings.Repeat("0", 32) + parent[35:], parent[:36] + strings.Repeat("0", 16) + "-01",
	} {
		if ctx := trace.Remote(t.Context(), none); trace.Has(ctx) || trace.Parent(ctx) != "" {
			t.Errorf("%q is taken for a span", none)
		}
	}
}

func TestQuietIsATraceThatIsNotKept(t *testing.T) {
	a, b := trace.Parent(trace.Quiet(t.Context())), trace.Parent(trace.Quiet(t.Context()))
	if a == b || !strings.HasSuffix(a, "-00") || trace.Accept(a) == "" {
		t.Errorf("got %q and %q", a, b)
	}
}

func FuzzRemote(f *testing.F) {
	f.Add(parent)
	f.Add("")
	f.Add("00-00000000000000000000000000000000-00f067aa0ba902b7-01")
	f.Fuzz(func(t *testing.T, text string) {
		ctx := trace.Remote(t.Context(), text)
		got := trace.Parent(ctx)
		if got != "" && (trace.Accept(got) != got || got[2:55] != text[2:55]) {
			t.Fatalf("%q goes on as %q", text, got)
		}
	})
}
