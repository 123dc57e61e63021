// Package history holds the pure rules of what perfmon remembers: blocks of sketches, one for each second or minute, that are folded
// into longer ones and dropped, the oldest first, when their bytes or their age go over a bound.
//
// Memory is time-major: a block has all series of its time side by side, so that the oldest time goes in one step, and a series costs its
// encoded sketch and 8 bytes for each second in which it has samples, and nothing for the others. Blocks do not change once they are made,
// so whoever has taken some out of a ring may read them while the ring goes on.
package history
