// Package kv keeps typed records in JetStream KV buckets: a Bucket reads from the leader and writes by compare-and-set, a
// Table applies pure rules to records and makes requests safe to repeat, a Mirror holds a copy in memory, and an Outbox
// publishes what happened as events.
//
// Buckets are ordinary KV buckets, so the nats tool shows them: bucket api.Bucket(namespace, name).
package kv
