package economics

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
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
func signingKey(ctx context.Context, conn *rpc.Conn, replicas int) (key ed25519.PrivateKey, err error) {
	err = kv.Retry(ctx, func(ctx context.Context) (err error) {
		key, err = tryKey(ctx, conn, replicas)
		return err
	})
	return key, err
}

func tryKey(ctx context.Context, conn *rpc.Conn, replicas int) (ed25519.PrivateKey, error) {
	bucket, err := conn.JS.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: api.Bucket(conn.Namespace, keyBucket), Storage: jetstream.FileStorage, Replicas: replicas, MaxBytes: keyBytes,
	})
	if err != nil {
		return nil, fmt.Errorf("open the bucket: %w", err)
	}
	seed := make([]byte, ed25519.SeedSize)
	if _, err := rand.Read(seed); err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	if _, err := bucket.Create(ctx, keyName, seed); err != nil && !errors.Is(err, jetstream.ErrKeyExists) {
		return nil, fmt.Errorf("store a key: %w", err)
	}
	entry, err := bucket.Get(ctx, keyName) // that of whoever was first; a replica of the store that has none yet is asked again
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	if len(entry.Value()) != ed25519.SeedSize {
		return nil, fmt.Errorf("the key has %d bytes, want %d", len(entry.Value()), ed25519.SeedSize)
	}
	return ed25519.NewKeyFromSeed(entry.Value()), nil
}
