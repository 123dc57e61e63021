// Package upgrade holds the tests that keep docs/compatibility.md.
//
// TestRollingUpgrade builds the program from an older commit and from this tree, runs every service as a process of its own, puts the new
// in the place of the old one after the other while everything is written to, and takes it back again: on one server, on three with half of
// the processes killed, and with credentials. It takes minutes and is for `make upgrade-check`.
//
// The directories under testdata are namespaces as earlier versions have left them, in the form of a back-up (shared/backup). They are
// written once. TestFrozenNamespaces brings each into an empty server and demands that this version's services answer from it what was
// answered then. What happens in them before that is told by testdata/stories, and TestFreeze writes one from a program.
package upgrade
