// Package natsd runs the embedded NATS server, with JetStream on disk. It is the only package outside tests that links
// nats-server.
//
// A data directory belongs to one process at a time. The owner holds an operating system lock on <dir>/lock, which dies
// with it however it dies, and says in <dir>/server.json where its server listens, so that a second process can use that
// server instead of opening the directory again.
package natsd
