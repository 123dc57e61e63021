package tasks

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/shared/rpc"
)

// Small are bounds that a test can reach.
type Small struct {
	Waiting     uint64
	ResultBytes int64
	AckWait     time.Duration
}

// OpenSmall is Open with some bounds made small; what is zero stays as it is.
func OpenSmall(ctx context.Context, conn *rpc.Conn, b Small) (*Store, error) {
	c := bounds{MaxWaiting, MaxResultBytes, AckWait}
	if b.Waiting > 0 {
		c.waiting = b.Waiting
	}
	if b.ResultBytes > 0 {
		c.resultBytes = b.ResultBytes
	}
	if b.AckWait > 0 {
		c.ackWait = b.AckWait
	}
	return open(ctx, conn, c)
}
