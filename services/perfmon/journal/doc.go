// Package journal holds the pure rules of the messages in perfmon's log: what a replica has gathered in an interval, and what a minute has
// come to. Each message can be read without any other.
//
// Integers are unsigned varints. A string is a reference: 0 is followed by a new string (its length and bytes), which becomes the next
// entry of the message's table, and n stands for the n-th entry. A message is
//
//	'P', version 1, flags, the number of the batch, the part and the number of parts, the minute (Unix minutes; 0 for a log message),
//	the number of foreign samples in the batch, the number of messages that the replica lost before it because they came too fast,
//
// and then items, each with a first byte:
//
//	1  a delta that is in the batch:  source, incarnation, number, interval in milliseconds, samples that the source had no room for
//	2  a group of series:             scope, kind (1 byte each), id, type, host
//	3  a series of the last group:    metric, the length of its sketch, the sketch
//
// The parts of a batch hold together: a reader takes all of them, or none. A batch is numbered by its replica, from 1 on, and what is
// appended twice because nobody knew of the first time is read once.
package journal
