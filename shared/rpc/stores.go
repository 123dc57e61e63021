package rpc

import (
	"context"
	"errors"
	"os"
	"regexp"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/authz"
)

// dialStores returns the connection over which stores are used: nc itself; for a host another one, in the account of hosts, with the second
// JWT of its credentials. From there JetStream's answers come back and go nowhere else.
func dialStores(nc *nats.Conn, o Options) (*nats.Conn, error) {
	id := identityOf(nc)
	if id.kind != api.KindHost {
		return nc, nil
	}
	if _, err := storesToken(o.Credentials); err != nil {
		return nil, err
	}
	name := o.Name
	if name != "" {
		name += " stores"
	}
	opts := append(natsOptions(o), nats.Name(name), nats.UserJWT(
		func() (string, error) { return storesToken(o.Credentials) },
		func(nonce []byte) ([]byte, error) { return signNonce(o.Credentials, nonce) },
	), nats.IgnoreAuthErrorAbort())
	stores, err := nats.Connect(o.URL, opts...)
	if err != nil && isCredentials(err) {
		return nil, api.Errorf(api.Unauthenticated, "the NATS server at %s lets host %s in, but not to the stores (%v): have its accounts made by this version, "+
			"with `mabus auth init`, or `mabus auth push` if they are", o.URL, id.name, err).WithReason(api.ReasonCredentials)
	}
	return stores, err
}

var storesPart = regexp.MustCompile(`-+BEGIN ` + authz.StoresLabel + `-+\r?\n([\w.=-]+)\r?\n`)

// storesToken reads the JWT for the hosts' account from a credentials file, each time anew, as the client library does with the first one.
func storesToken(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", api.Errorf(api.Unauthenticated, "the credentials cannot be read: %v", err).WithReason(api.ReasonCredentials)
	}
	part := storesPart.FindSubmatch(text)
	if part == nil {
		return "", api.Errorf(api.Unauthenticated, "%s has no part for stores, as the credentials of hosts have since they use these from an account of their own: "+
			"run `mabus auth init` where they were made, which adds it to the file in the auth directory, or `mabus auth rotate` if there is none there, "+
			"and copy that", path).WithReason(api.ReasonCredentials)
	}
	return string(part[1]), nil
}

func signNonce(path string, nonce []byte) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pair, err := nkeys.ParseDecoratedUserNKey(text)
	if err != nil {
		return nil, errors.Join(errors.New("the credentials hold no key"), err)
	}
	defer pair.Wipe()
	return pair.Sign(nonce)
}

// lookOnly is JetStream for a connection that may use stores and not make or change them: what would do so looks up what is there. A
// stream's configuration can have all that is said in the account recorded, or published again, so in strict mode it is left to services.
type lookOnly struct{ jetstream.JetStream }

// CreateStream implements jetstream.StreamManager, as the others do.
func (l lookOnly) CreateStream(ctx context.Context, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	return l.Stream(ctx, cfg.Name)
}

func (l lookOnly) UpdateStream(ctx context.Context, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	return l.Stream(ctx, cfg.Name)
}

func (l lookOnly) CreateOrUpdateStream(ctx context.Context, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	return l.Stream(ctx, cfg.Name)
}

func (l lookOnly) CreateKeyValue(ctx context.Context, cfg jetstream.KeyValueConfig) (jetstream.KeyValue, error) {
	return l.KeyValue(ctx, cfg.Bucket)
}

func (l lookOnly) UpdateKeyValue(ctx context.Context, cfg jetstream.KeyValueConfig) (jetstream.KeyValue, error) {
	return l.KeyValue(ctx, cfg.Bucket)
}

func (l lookOnly) CreateOrUpdateKeyValue(ctx context.Context, cfg jetstream.KeyValueConfig) (jetstream.KeyValue, error) {
	return l.KeyValue(ctx, cfg.Bucket)
}

func (l lookOnly) CreateObjectStore(ctx context.Context, cfg jetstream.ObjectStoreConfig) (jetstream.ObjectStore, error) {
	return l.ObjectStore(ctx, cfg.Bucket)
}

func (l lookOnly) UpdateObjectStore(ctx context.Context, cfg jetstream.ObjectStoreConfig) (jetstream.ObjectStore, error) {
	return l.ObjectStore(ctx, cfg.Bucket)
}

func (l lookOnly) CreateOrUpdateObjectStore(ctx context.Context, cfg jetstream.ObjectStoreConfig) (jetstream.ObjectStore, error) {
	return l.ObjectStore(ctx, cfg.Bucket)
}
