// Package archtest checks which package of Mabus may import what, that rules stay pure, and that files stay small. It
// reads the source alone, so that it is quick and also speaks of code that does not compile. The rules are in table.go.
package archtest
