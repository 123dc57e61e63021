// Package top is the live view of a namespace in a terminal: the fleet, its hosts, agents, tasks, sessions and auctions.
//
// State is what is shown and how: a value that Next makes another of for each key, size, tick and answer. It does no I/O and reads no
// clock, and says in a Want what is to be read. Page turns it into text. Reader asks the services; Run and Once join the two, on a
// terminal and without one.
//
// The services are asked in one batch an interval, for the page that is shown and no other, one batch at a time, and for nothing while it
// is paused or the connection is lost. What could not be read is said; what was read before is shown with its age.
//
// Bounds: maxList items of one list, maxLeaders agents of a fleet that has more than maxList, maxLooks requests of a batch at a time,
// maxBody bytes of a JSON value in a detail.
package top
