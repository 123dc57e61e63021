package archive

import (
	"context"
	"errors"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"
)

// Bounds of what one page looks at.
const (
	lookMessages = 2000
	lookBytes    = 16 << 20
)

// Before reads values that are older than a place in the archive, the latest first, until found is told that it has enough, and returns
// the place to go on from, or 0 at the end. 0 begins with the newest. It looks at no more than a bounded number of messages and bytes.
func Before[T any](ctx context.Context, a *Archive, place uint64, found func(*T) (enough bool)) (next uint64, err error) {
	info, err := a.stream.Info(ctx)
	if err != nil {
		return 0, unreadable(err)
	}
	if place == 0 || place > info.State.LastSeq {
		place = info.State.LastSeq + 1
	}
	for looked, n := 0, 0; n < lookMessages && looked < lookBytes; n++ {
		if place--; place < max(info.State.FirstSeq, 1) {
			return 0, nil
		}
		msg, err := a.stream.GetMsg(ctx, place)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return 0, unreadable(err)
		}
		looked += len(msg.Data)
		if parts, _ := strconv.Atoi(msg.Header.Get(partsHeader)); parts == 0 {
			continue // a further part
		}
		value := new(T)
		whole, err := a.read(ctx, msg, value)
		if err != nil {
			return 0, err
		}
		if whole && found(value) {
			return place, nil
		}
	}
	return place, nil
}
