// Package episode holds the pure rules of alerts: what a figure means under a rule, when an alert is raised and when it ends, and how one
// that comes and goes is damped.
//
// Every replica looks at the same log and follows these rules by itself, and the state of an alert is one record that is changed by
// compare-and-set. So the rules are made such that it does not matter who is first: Decide is asked again with the record as it stands,
// what is decided on older data than the last change is of no account, and what changes nothing is not written.
package episode
