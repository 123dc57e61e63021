package input_test

import (
	"bytes"
	"testing"

	"github.com/mabus-project/mabus/client/job/input"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// FuzzLines: whatever comes in on the standard input, each line is one JSON value or one error for the caller.
func FuzzLines(f *testing.F) {
	for _, s := range []string{"", "{}\n", "1\n\n2", "{\n", "\xff\xfe\n[]", "null\r\n\"a\"", "[[[[[[[[", "{\"a\":1}{\"b\":2}\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		lines := 0
		for item, err := range input.Expand([]string{"-"}, input.Options{Stdin: bytes.NewReader(data), MaxBytes: 1 << 16}) {
			if err != nil {
				if api.AsError(err) == nil {
					t.Fatalf("not an error for the caller: %v", err)
				}
				continue
			}
			lines++
			payload, err := item.Payload()
			if err != nil || !codec.Valid(payload) {
				t.Fatalf("%q: %v", payload, err)
			}
		}
		if lines > bytes.Count(data, []byte("\n"))+1 {
			t.Fatalf("%d inputs of %d bytes", lines, len(data))
		}
	})
}
