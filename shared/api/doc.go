// Package api is the wire contract of Mabus: every request and answer body, the table of methods that carry them, the
// subjects they travel on, the headers and the error codes. It imports only the standard library, so that a client, a
// rule and a store can all use the same structs.
//
// Bodies are JSON objects in snake_case. Times are RFC 3339 in UTC, durations are Go strings ("1.5s"), and sizes are
// integers in bytes unless a comment says otherwise.
package api
