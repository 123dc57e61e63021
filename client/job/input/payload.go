package input

import (
	"encoding/json"
	"io"
	"os"
	"unicode/utf8"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

type text struct {
	Path    string `json:"path"`
	Content string `json:"content"`
}

type binary struct {
	Path    string `json:"path"`
	Content []byte `json:"content_base64"`
}

// Payload is the message that an agent gets for the input: the JSON value itself, or for a file {"path","content"}, with
// content_base64 in place of content when the file is not valid UTF-8. A file is read now, and may have changed since it
// was found. Errors are *api.Errors: invalid (payload_too_large), or that the file cannot be read.
func (it *Item) Payload() (json.RawMessage, error) {
	if it.value != nil {
		return it.value, nil
	}
	content, err := it.read()
	if err != nil {
		return nil, err
	}
	if !utf8.ValidString(it.Path) {
		return nil, api.Errorf(api.Invalid, "%q has a name that is not UTF-8, which JSON cannot hold; rename or exclude it", it.file)
	}
	if utf8.Valid(content) {
		return codec.Marshal(text{it.Path, string(content)})
	}
	return codec.Marshal(binary{it.Path, content})
}

func (it *Item) read() ([]byte, error) {
	if it.Size > it.max {
		return nil, tooLarge(it.file, it.max)
	}
	f, err := os.Open(it.file)
	if err != nil {
		return nil, readError(it.file, err)
	}
	defer f.Close()
	buf := make([]byte, 0, it.Size+512)
	for {
		n, err := f.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if int64(len(buf)) > it.max {
			return nil, tooLarge(it.file, it.max)
		}
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return nil, readError(it.file, err)
		}
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
	}
}
