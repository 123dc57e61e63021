package fake_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/examples/llm/fake"
)

func TestSummary(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
		want string
	}{
		{"", 2, ""},
		{"Only one.", 2, "Only one."},
		{"No mark at the end", 1, "No mark at the end"},
		{"Dr. Meyer sleeps. The engine drives the pump, and the pump drains the mine. A pump broke.", 1, "The engine drives the pump, and the pump drains the mine."},
		{"Title\n\nBody text one.", 5, "Title Body text one."},
		{"# Pump\n\nIt is\r\n  old.\n```sh\npump --on\n```\n- Item one\n- item two.\n| a | b |\n", 9, "It is old. Item one item two."},
		{"```\ncode only\n```", 1, "``` code only ```"},
	} {
		if got := fake.Summary(c.text, c.n); got != c.want {
			t.Errorf("%q in %d: got %q, want %q", c.text, c.n, got, c.want)
		}
	}
}

func TestSummaryIsOfTheText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom([]rune("abcde fgh. ijk!\n\"é"))).Draw(t, "text")
		n := rapid.IntRange(1, 4).Draw(t, "n")
		s := fake.Summary(text, n)
		flat := strings.Join(strings.Fields(text), " ")
		if len(s) > len(flat) || n > 3 && fake.Summary(text, 1<<20) != flat {
			t.Fatalf("%q became %q", text, s)
		}
		for _, w := range strings.Fields(s) {
			if !strings.Contains(flat, w) {
				t.Fatalf("%q is not in %q", w, text)
			}
		}
	})
}

func TestCompare(t *testing.T) {
	const ask = "Cross-check the two summaries.\n\nSummary A:\n"
	same := fake.Reply(ask + "The harbour silted up in 1840.\n\nSummary B:\nIn 1840 the harbour silted up.")
	if same != "AGREE\noverlap: 100%" {
		t.Errorf("got %q", same)
	}
	differ := fake.Reply(ask + "The harbour silted up.\nSummary B: Cats sleep all day. The harbour silted up.")
	if !strings.HasPrefix(differ, "AGREE\noverlap: 40%") || !strings.HasSuffix(differ, "\nonly in B: Cats sleep all day.") {
		t.Errorf("got %q", differ)
	}
	if got := fake.Reply(ask + "Dogs bark.\nSummary B: Cats sleep."); !strings.HasPrefix(got, "DISAGREE\noverlap: 0%") {
		t.Errorf("got %q", got)
	}
}

func TestOverlapIsSymmetric(t *testing.T) {
	text := rapid.StringOf(rapid.RuneFrom([]rune("abc abd abe. xyz")))
	rapid.Check(t, func(t *rapid.T) {
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		if x, y := fake.Overlap(a, b), fake.Overlap(b, a); x != y || x < 0 || x > 100 || fake.Overlap(a, a) != 100 {
			t.Fatalf("%d and %d", x, y)
		}
	})
}
