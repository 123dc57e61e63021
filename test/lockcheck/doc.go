// Package lockcheck checks locks. Check judges a history of what clients did and saw, of any origin. Simulate runs the rules
// of shared/lock/queue under a store, leases, service replicas and clients that live in simulated time, breaks whatever a
// seed says, and judges the outcome; the same seed always gives the same schedule. Bug plants a fault in the simulated
// parts, to show that the checks would find it.
package lockcheck
