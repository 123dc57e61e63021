package agent

import (
	"context"
	"encoding/json"

	"github.com/mabus-project/mabus/shared/codec"
)

// Func makes a Handler of a function from one struct to another: messages that do not fit In are refused as invalid before
// the function is called.
func Func[In, Out any](f func(ctx context.Context, in *In) (*Out, error)) Handler {
	return HandlerFunc(func(ctx context.Context, m *Message) (json.RawMessage, error) {
		in := new(In)
		if err := codec.Decode(m.Payload, in); err != nil {
			return nil, err
		}
		out, err := f(ctx, in)
		if err != nil {
			return nil, err
		}
		return codec.Marshal(out)
	})
}
