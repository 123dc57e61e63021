package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/mabus-project/mabus/examples/economy"
	"github.com/mabus-project/mabus/services/economics/auction"
	"github.com/mabus-project/mabus/services/economics/transcript"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// prove writes the transcript and the key to files, and checks what is in them: as it is, and with one digit changed.
func prove(out io.Writer, dir string, s *sale) error {
	data, err := codec.Marshal(s.transcript)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	file := filepath.Join(dir, "transcript.json")
	if err := errors.Join(os.WriteFile(file, data, 0o600), os.WriteFile(filepath.Join(dir, "key.txt"), []byte(s.key+"\n"), 0o600)); err != nil {
		return err
	}
	if data, err = os.ReadFile(file); err != nil {
		return err
	}
	result, err := check(data, s.key)
	if err != nil {
		return fmt.Errorf("the transcript does not fit: %w", err)
	}
	fmt.Fprintf(out, "\n%s, checked without the server\nsignature  that of %s\nrecomputed %d winners, %s paid: as the transcript says\n",
		file, s.key, len(result.Outcome.Awards), economy.Units(result.Outcome.Traded))
	forged, err := forge(data)
	if err != nil {
		return err
	}
	if _, err = check(forged, s.key); err == nil {
		return errors.New("a transcript with another price passes for the true one")
	}
	_, err = fmt.Fprintf(out, "forged     one digit of a bid changed: %s\n", api.AsError(err).Message)
	return err
}

// check recomputes an auction from its transcript, which must be signed with the key.
func check(data []byte, key string) (*auction.Result, error) {
	var t api.Transcript
	if err := codec.Decode(data, &t); err != nil {
		return nil, err
	}
	if err := transcript.Verify(&t, key); err != nil {
		return nil, err
	}
	return auction.Recompute(t.Steps)
}

// forge changes the first digit of the last price that was bid.
func forge(data []byte) ([]byte, error) {
	mark := []byte(`"price":"`)
	i := bytes.LastIndex(data[:max(0, bytes.Index(data, []byte(`"what":"solving"`)))], mark)
	if i < 0 {
		return nil, errors.New("there is no bid in the transcript")
	}
	forged := bytes.Clone(data)
	digit := &forged[i+len(mark)]
	*digit = '1' + (*digit-'0')%9
	return forged, nil
}
