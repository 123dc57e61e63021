package economics

import (
	"context"

	"github.com/mabus-project/mabus/services/economics/transcript"
	"github.com/mabus-project/mabus/shared/api"
)

// publicKey answers with the public half of the key that signs transcripts.
func (e *economy) publicKey(context.Context, *api.Empty) (*api.SigningKey, error) {
	return &api.SigningKey{Key: transcript.PublicKey(e.key)}, nil
}
