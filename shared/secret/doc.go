// Package secret is how a value that must not be seen gets to those who need it: sealed by whoever sets it, kept by the registry which
// cannot open it, and opened by the agent hosts, which hold the private keys (docs/secrets.md).
//
// It keeps no value: a Resolver finds one when it is asked, and remembers for some seconds what is sealed, never what is open. A Value
// does not print itself. A Redactor is the second net: it knows values for as long as its owner uses them, and takes them out of
// what the owner passes on. Bounds: a Resolver remembers at most api.MaxSecrets records, a Redactor at most maxForms forms of values.
package secret
