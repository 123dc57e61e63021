// Package meter measures a process where things happen, and sends what it has measured to the performance monitor.
//
// A sample is two atomic additions to counters of its series, in one of several stripes, so that goroutines on different processors do not
// wait for each other: no lock, no allocation, no message. Once an interval the counters are swapped for zeros, made into sketches
// (package sketch), and sent as one delta, or as several when one would be too large, to the method perfmon.deltas.add. Nobody answers.
// Without a performance monitor the publication reaches nobody, and does no harm.
//
// What was recorded is in exactly one delta. A delta that cannot be sent is merged into the next. One that was sent and lost is missed:
// deltas are numbered, by source and incarnation. A sample that is recorded while the counters are read may be in one delta with its
// count and in the one beside with its value: sums of all deltas agree, that of one may be beside by as much as its bins allow, 1 %, and the
// next makes good for it.
//
// Bounds: Limit series (DefaultLimit) have counters; further ones share those of id _other until others have been idle for some time.
// Counters begin with one stripe of some 400 bytes and 256 for each 64 bins in use: 1.6 KiB in all for a series with values of one order of
// magnitude. A stripe takes at most 12 KiB, and a series has at most 16: those on which several processors were seen to contend.
package meter
