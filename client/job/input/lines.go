package input

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// lines yields each line of r that is not blank as a value. A line that is no JSON, or is too long, is an error, and the
// next line follows it.
func (x *expansion) lines(r io.Reader, name string) bool {
	in := bufio.NewReaderSize(r, 64<<10)
	for number := 1; ; number++ {
		line, tooLong, err := readLine(in, x.MaxBytes)
		it := &Item{Input: job.Input{Path: name, Line: number, Kind: job.KindValue, Size: int64(len(line))}}
		if err != nil && !errors.Is(err, io.EOF) {
			return x.fail(it.Name(), readError(name, err))
		}
		more := true
		switch line = bytes.TrimSpace(line); {
		case tooLong:
			more = x.fail(it.Name(), tooLarge(it.Name(), x.MaxBytes))
		case len(line) == 0:
		case !codec.Valid(line):
			more = x.fail(it.Name(), api.Errorf(api.Invalid, "%s is not one JSON value", it.Name()))
		default:
			it.value = bytes.Clone(line)
			it.Size = int64(len(line))
			more = x.item(it)
		}
		if !more || err != nil {
			return more
		}
	}
}

// readLine reads up to the next line break, or to the end with io.EOF. Of a line above the limit it keeps nothing.
func readLine(in *bufio.Reader, limit int64) (line []byte, tooLong bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if !tooLong {
			line = append(line, part...)
		}
		if int64(len(bytes.TrimRight(line, "\r\n"))) > limit {
			line, tooLong = nil, true
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, tooLong, err
		}
	}
}

func tooLarge(name string, limit int64) error {
	return api.Errorf(api.Invalid, "%s has more than %d bytes; raise limits.max_input_bytes of the job, or exclude it", name, limit).
		WithReason(api.ReasonPayloadTooLarge)
}
