package rpc

import (
	"crypto/rand"
	"encoding/hex"
	"time"
)

// NewRequestID returns a UUID of version 7 (RFC 9562): its first 48 bits are the time in milliseconds, so that who keeps answers for
// repetitions can tell an id that is too old from a new one.
func NewRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[6:]) // it does not fail: the program ends if the system has no randomness
	ms := time.Now().UnixMilli()
	for i := range 6 {
		b[i] = byte(ms >> (40 - 8*i))
	}
	b[6] = b[6]&0x0f | 0x70
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
