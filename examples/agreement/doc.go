// Package agreement runs what the examples in its directories need: agents of their own in hosts within the process, on a server
// that is given, or else on one that is started for the example and ends with it.
package agreement
