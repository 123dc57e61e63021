// Package gather holds the pure rules of what a replica of perfmon does with what it is sent until the end of an interval: deltas and
// single samples become one sketch for each series, aggregates are made of those, and all of it becomes one batch of the log.
package gather
