// Package doctor holds the pure rules of what is wrong with a namespace: facts go in, findings come out. Each rule says by which fact it
// finds something, how bad that is, why it matters and what mends it. What could not be looked at is a finding too, never health.
// Package gather collects the facts.
package doctor
