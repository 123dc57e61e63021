// Package queue holds the pure rules of locks: one record per name, whose tickets stand in the order of their arrival and
// take parts of the lock's capacity.
//
// Tickets are granted from the front for as long as they fit, and the first that does not fit stops the granting: nobody
// overtakes, so nobody starves. The granted tickets are therefore always the first of the record.
//
// A ticket's fencing token is the revision of the write that added it. That write cannot know it and stores 0, so whoever
// reads a record calls Fill before anything else; every rule here expects a record that is filled in. No rule changes the
// record it is given, except Fill. The records that they return carry no revision.
package queue
