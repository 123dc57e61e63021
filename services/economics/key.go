package economics

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	keyBucket = "economics_keys"
	keyName   = "signing"
	keyBytes  = 1 << 20
)

// signingKey returns the key with which the replicas of a namespace sign transcripts: whoever comes first makes it. Its seed is in a
// bucket of its own, so that nobody but the service needs to be allowed to read it.
func signingKey(ctx context.Context, conn *rpc.Conn, replicas int) (ed25519.PrivateKey, error) {
	bucket, err := kv.Open(ctx, conn.JS, kv.Config{Namespace: conn.Namespace, Name: keyBucket, Replicas: replicas, History: 1, MaxBytes: keyBytes})
	if err != nil {
		return nil, err
	}
	entry, err := bucket.Get(ctx, keyName)
	if err == nil && !entry.Exists() {
		entry, err = makeKey(ctx, bucket, entry.Revision)
	}
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	if len(entry.Value) != ed25519.SeedSize {
		return nil, fmt.Errorf("the key has %d bytes, want %d", len(entry.Value), ed25519.SeedSize)
	}
	return ed25519.NewKeyFromSeed(entry.Value), nil
}

// makeKey stores a new seed, and returns that of whoever was first.
func makeKey(ctx context.Context, bucket *kv.Bucket, revision uint64) (kv.Entry, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := rand.Read(seed); err != nil {
		return kv.Entry{}, fmt.Errorf("make a key: %w", err)
	}
	if _, err := bucket.Write(ctx, kv.Write{Key: keyName, Value: seed, Expect: revision}); err != nil && !errors.Is(err, kv.ErrLost) {
		return kv.Entry{}, fmt.Errorf("store a key: %w", err)
	}
	return bucket.Get(ctx, keyName)
}
