package kv

// OnStep calls f after each step of every update of t; an error of f ends the update there, like a crash.
func OnStep[T any](t *Table[T], f func(step string) error) { t.step = f }

// RequestKey is the key under which a request is remembered.
var RequestKey = requestKey

// Requests' bucket, to look at and to age entries.
func (r *Requests) Bucket() *Bucket { return r.bucket }
