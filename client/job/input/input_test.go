package input_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/client/job/input"
	"github.com/mabus-project/mabus/shared/api"
)

// folder writes a tree and makes it the working directory.
func folder(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, content := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// expand returns names and, for errors, "name! code".
func expand(opts input.Options, args ...string) []string {
	var got []string
	for it, err := range input.Expand(args, opts) {
		if err != nil {
			got = append(got, it.Name()+"! "+string(api.CodeOf(err)))
			continue
		}
		got = append(got, it.Name())
	}
	return got
}

func TestExpand(t *testing.T) {
	folder(t, map[string]string{
		"src/b.go": "b", "src/a.go": "a", "src/sub/c.go": "c", "src/.git/config": "x", "src/sub/d.txt": "d",
		"rows.jsonl": "{\"a\":1}\n\n  [2]  \nnope\n3", "other/a.go": "a", "src[1].txt": "odd",
	})
	if err := os.Mkdir("empty", 0o755); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"src/link.go": "a.go", "src/linked": "../other", "src/loop": ".", "linkdir": "src/sub"} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args string
		want string
	}{
		{"src", "a.go b.go sub/c.go sub/d.txt"},
		{"src/", "a.go b.go sub/c.go sub/d.txt"},
		{"./src other", "src/a.go src/b.go src/sub/c.go src/sub/d.txt other/a.go"},
		{"src src/a.go src", "src/a.go src/b.go src/sub/c.go src/sub/d.txt"},
		{"linkdir", "c.go d.txt"},
		{"src/a.go", "src/a.go"},
		{"src/**/*.go", "src/a.go src/b.go src/sub/c.go"},
		{"src/*.{go,txt}", "src/a.go src/b.go"},
		{"src[1].txt", "src[1].txt"},
		{"rows.jsonl", "rows.jsonl:1 rows.jsonl:3 rows.jsonl:4!invalid rows.jsonl:5"},
		{"-", "stdin.jsonl:1 stdin.jsonl:2"},
		{"missing", "missing!not_found"},
		{"missing other", "missing!not_found other/a.go"},
		{"no/**/*.go", "no/**/*.go!not_found"},
		{"src/[a", "src/[a!invalid"},
		{"empty", "empty!not_found"},
		{"", "!invalid"},
	} {
		got := expand(input.Options{Stdin: strings.NewReader("1\n\"two\"\n")}, strings.Fields(c.args)...)
		if have := strings.ReplaceAll(strings.Join(got, " "), "! ", "!"); have != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.args, have, c.want)
		}
	}
}

func TestExpandSaysWhenNothingMatches(t *testing.T) {
	folder(t, map[string]string{"d/a.txt": "a", "d/b.txt": "b", "d/c.go": "c"})
	opts := func(suffix string) input.Options {
		return input.Options{Match: func(in *job.Input) bool { return strings.HasSuffix(in.Path, suffix) }}
	}
	if got := expand(opts(".go"), "d"); !slices.Equal(got, []string{"a.txt", "b.txt", "c.go"}) {
		t.Errorf("got %v", got)
	}
	if got := expand(opts(".rs"), "d"); !slices.Equal(got, []string{"a.txt", "b.txt", "c.go", "d! invalid"}) {
		t.Errorf("got %v", got)
	}
}

func TestExpandStopsWhenAsked(t *testing.T) {
	folder(t, map[string]string{"d/a": "1", "d/b": "2", "d/c.jsonl": "1\n2\n3\n"})
	for _, arg := range []string{"d", "d/*", "d/c.jsonl", "missing"} {
		for range input.Expand([]string{arg, arg}, input.Options{}) {
			break // the runtime panics if the iterator goes on
		}
	}
}

func TestPayload(t *testing.T) {
	folder(t, map[string]string{"d/text": "a\t\"ü\"\\n<\n", "d/binary": "\xff\x00", "d/empty": "", "d/v.jsonl": " {\"b\" : 1} \n", "d/big": strings.Repeat("x", 41)})
	want := map[string]string{
		"text":      `{"path":"text","content":"a\t\"ü\"\\n<\n"}`,
		"binary":    `{"path":"binary","content_base64":"/wA="}`,
		"empty":     `{"path":"empty","content":""}`,
		"v.jsonl:1": `{"b" : 1}`,
	}
	for it, err := range input.Expand([]string{"d"}, input.Options{MaxBytes: 40}) {
		if err != nil {
			t.Fatal(err)
		}
		got, err := it.Payload()
		if it.Name() == "big" {
			if api.ReasonOf(err) != api.ReasonPayloadTooLarge || !strings.Contains(err.Error(), "max_input_bytes") {
				t.Errorf("big: %v", err)
			}
			continue
		}
		if err != nil || string(got) != want[it.Name()] {
			t.Errorf("%s: %s, %v", it.Name(), got, err)
		}
		delete(want, it.Name())
	}
	if len(want) > 0 {
		t.Errorf("never came: %v", want)
	}
}

func TestPayloadOfAFileThatIsGone(t *testing.T) {
	folder(t, map[string]string{"a": "1"})
	for it, err := range input.Expand([]string{"a"}, input.Options{}) {
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove("a"); err != nil {
			t.Fatal(err)
		}
		if _, err := it.Payload(); api.CodeOf(err) != api.NotFound {
			t.Errorf("got %v", err)
		}
	}
}

func TestLongLinesAreRefusedOneByOne(t *testing.T) {
	long := `"` + strings.Repeat("x", 200_000) + `"`
	got := expand(input.Options{MaxBytes: 100_000, Stdin: strings.NewReader("1\n" + long + "\n2\n" + long)}, "-")
	if want := []string{"stdin.jsonl:1", "stdin.jsonl:2! invalid", "stdin.jsonl:3", "stdin.jsonl:4! invalid"}; !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

// numbers is an endless input: only a reader that streams ever sees its first line.
type numbers struct{ n int }

func (r *numbers) Read(p []byte) (int, error) {
	r.n++
	return copy(p, fmt.Sprintf("%d\n", r.n)), nil
}

func TestValuesAreStreamed(t *testing.T) {
	seen := 0
	for it, err := range input.Expand([]string{"-"}, input.Options{Stdin: io.Reader(&numbers{})}) {
		if err != nil {
			t.Fatal(err)
		}
		seen++
		if payload, err := it.Payload(); err != nil || string(payload) != fmt.Sprint(seen) {
			t.Fatalf("line %d is %s, %v", seen, payload, err)
		}
		if seen == 100_000 {
			return
		}
	}
}
