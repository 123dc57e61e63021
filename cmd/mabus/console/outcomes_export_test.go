package console

import (
	"context"

	"github.com/mabus-project/mabus/client"
)

// ReadOutcomes reads the list of outcomes once.
func ReadOutcomes(ctx context.Context, c *client.Client) error {
	_, err := outcomes().read(ctx, c)
	return err
}
