// Package credential keeps who is who in strict mode: the keys of NATS' operator, of its system account and of one account for each
// namespace, a signing key for each kind of principal, and the list of the credentials that were issued.
//
// The directory (0700) holds auth.json, which is all of it, and creds/<namespace>/<name>.creds, which is handed to those whose name it
// bears; files are 0600. auth.json is replaced in one step under a lock of the directory, before anything that follows from it is
// written or told to a server. So whoever is killed in between has changed nothing or left something to repeat: the same command again
// writes what is missing. What is issued is listed before it can be used, hence whatever connects can be revoked.
//
// Credentials carry the user's name, which is the principal, and are signed by the key of their kind. The account says what that key
// grants (package authz). Without the key nobody can make himself another name or another kind.
//
// A name that has credentials, or had some that are still listed, is one in which no host acts.
//
// Bounds: MaxPrincipals credentials of a namespace that hold, MaxEnded that were revoked or have expired; rotating the key of a kind ends
// all that it has signed, and forgets those of the kind that have ended.
package credential

import "time"

// Bounds of an auth directory. Each name stands in its account, which is told to servers in one message (1 MiB).
const (
	MaxNamespaces   = 64           // in one directory
	MaxPrincipals   = 1024         // with valid credentials, of one namespace
	MaxEnded        = 1024         // revoked, or expired within 30 days, of one namespace
	MaxCapabilities = 64           // that one agent's credentials name
	maxFile         = 16 << 20     // bytes of auth.json
	maxAccount      = 1<<20 - 4096 // bytes of an account's JWT
	revocation      = 96           // bytes of it for one that was revoked
)

// Limits of an account. Streams and buckets have bounds of their own.
const (
	maxConnections = 65_536
	maxStreams     = 1_000
	maxConsumers   = 100_000
	agentSubs      = 10_000 // subscriptions of one connection of an agent or an observer
)

// SyncInterval is how often a server asks another of its cluster whether it has later accounts: for so long, or some times that, a server
// that was away lets in who was revoked meanwhile. A question is 32 bytes.
const SyncInterval = 2 * time.Second

// remember is how long credentials that have expired are listed, and keep their name from hosts.
const remember = 30 * 24 * time.Hour

// lockWait is how long a command waits for another one that changes the directory.
const lockWait = 10 * time.Second
