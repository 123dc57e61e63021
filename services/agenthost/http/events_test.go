package http_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mabus-project/mabus/services/agenthost/http"
	"github.com/mabus-project/mabus/shared/api"
)

func readAll(in io.Reader) (out []string, err error) {
	e := http.NewEvents(in)
	for {
		data, err := e.Next()
		if err != nil {
			return out, err
		}
		out = append(out, data)
	}
}

func TestEvents(t *testing.T) {
	for in, want := range map[string][]string{
		"":                                     nil,
		"data: a\n\n":                          {"a"},
		"data:a\r\n\r\n":                       {"a"},
		"data:a\r\r":                           {"a"},
		"data:a\n\r\ndata:b\r\n\n":             {"a", "b"},
		"data:  a \n\n":                        {" a "},
		"data: a\ndata: b\ndata\n\n":           {"a\nb\n"},
		"data\n\n":                             {""},
		"data:\n\n":                            {""},
		"\uFEFFdata: a\n\n\uFEFFdata: b\n\n":   {"a"},
		": comment\n\ndata: a\n: more\n\n":     {"a"},
		"event: x\nid: 1\nretry: 5\n\n":        nil,
		"event: x\ndata: a\nid: 1\n\n":         {"a"},
		"datax: a\ndat: b\nDATA: c\n\n":        nil,
		"data: a":                              nil,
		"data: a\n":                            nil,
		"data: a\n\ndata: b\n":                 {"a"},
		"\n\n\r\n\rdata: a\n\n":                {"a"},
		" data: a\n\n":                         nil,
		"data: {\"a\":\n" + "data: \"b\"}\n\n": {"{\"a\":\n\"b\"}"},
	} {
		for name, r := range map[string]io.Reader{"at once": strings.NewReader(in), "by bytes": iotest.OneByteReader(strings.NewReader(in))} {
			if got, err := readAll(r); !slices.Equal(got, want) || !errors.Is(err, io.EOF) {
				t.Errorf("%q %s: got %q, %v, want %q", in, name, got, err, want)
			}
		}
	}
}

// An event that ends in CR is there before anything follows: the next byte may take a minute.
func TestEventsDoNotWaitForMore(t *testing.T) {
	r, w := io.Pipe()
	e := http.NewEvents(r)
	go func() { _, _ = io.WriteString(w, "data: a\r\r") }()
	if data, err := e.Next(); err != nil || data != "a" {
		t.Fatalf("got %q, %v", data, err)
	}
	go func() {
		_, _ = io.WriteString(w, "\ndata: b\r\n\r\n")
		_ = w.CloseWithError(io.ErrUnexpectedEOF)
	}()
	if data, err := e.Next(); err != nil || data != "b" {
		t.Fatalf("got %q, %v", data, err)
	}
	if _, err := e.Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("at the end: %v", err)
	}
}

func TestEventsAreBounded(t *testing.T) {
	line := "data: " + strings.Repeat("x", 1<<16) + "\n"
	for name, in := range map[string]string{
		"one line":   "data: " + strings.Repeat("x", http.MaxEvent+1),
		"many lines": strings.Repeat(line, http.MaxEvent/(1<<16)+2),
	} {
		if _, err := readAll(strings.NewReader(in)); !errors.Is(err, http.ErrEventTooLong) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// reference reads a whole stream by the letter of the specification's grammar.
func reference(in string) (out []string) {
	in = strings.TrimPrefix(in, "\uFEFF")
	in = strings.ReplaceAll(strings.ReplaceAll(in, "\r\n", "\n"), "\r", "\n")
	lines := strings.Split(in, "\n")
	data := ""
	for _, line := range lines[:len(lines)-1] { // the last is not ended
		if line == "" {
			if data != "" {
				out = append(out, strings.TrimSuffix(data, "\n"))
			}
			data = ""
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		if name == "data" {
			data += strings.TrimPrefix(value, " ") + "\n"
		}
	}
	return out
}

func FuzzEvents(f *testing.F) {
	for _, s := range []string{
		"data: a\n\n", "data:a\r\n\r\ndata\r\r", "\uFEFFdata: a\ndata:b\n\n:c\n", "event: e\rdata: x\r\n\n", "data: a\n\r\n\r", "\xff\xfe\ndata:\xff\n\n",
	} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, split uint8) {
		want := reference(string(in))
		cut := min(int(split), len(in))
		for _, r := range []io.Reader{bytes.NewReader(in), iotest.OneByteReader(bytes.NewReader(in)), io.MultiReader(bytes.NewReader(in[:cut]), bytes.NewReader(in[cut:]))} {
			if got, err := readAll(r); !slices.Equal(got, want) || !errors.Is(err, io.EOF) {
				t.Fatalf("%q: got %q, %v, want %q", in, got, err, want)
			}
		}
	})
}

// Whatever an endpoint streams, the answer is an error that can be sent, or exactly what was passed on in chunks.
func FuzzStream(f *testing.F) {
	for _, s := range []string{
		"data: [DONE]\n\n", "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n", "data: {\"error\":{\"code\":429}}\n\n",
		"data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"b\"}},{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1}}\r\n\r\n",
		"data: {\"choices\":null,\"usage\":{\"prompt_tokens\":-1,\"completion_tokens\":1e400}}\n\n", "data: null\n\n", "data: []\n\n",
	} {
		f.Add([]byte(s))
	}
	e := start(f, api.HTTPSpec{URL: "http://h", Format: api.HTTPChat, Model: "m", PriceIn: 1, PriceOut: 1})
	f.Fuzz(func(t *testing.T, in []byte) {
		r := &reader{}
		m := prompt("p")
		m.Parts = r
		raw, err := e.ReadStream(t.Context(), bytes.NewReader(in), m)
		if err != nil {
			if _, err := json.Marshal(api.AsError(err)); raw != nil || err != nil {
				t.Fatalf("%q: %s, %v", in, raw, err)
			}
			return
		}
		text := ""
		for _, c := range r.chunks {
			text += chatAnswer(t, json.RawMessage(c)).Text
		}
		if got := chatAnswer(t, raw); got.Text != text {
			t.Fatalf("%q: the answer is %q, the chunks %q", in, got.Text, text)
		}
	})
}
