// Package primitive holds the pure rules of cells, barriers, latches, counters and sequences.
//
// A rule gets a record, nil if there is none, and returns what it becomes: the record itself when nothing is to change, nil when it
// is to be removed, or an *api.Error when the request is refused. It never changes the record that it is given.
package primitive
