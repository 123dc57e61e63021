package isolate

import (
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// slack is what a program may reserve without using it, in bytes: runtimes take far more for heaps and the stacks of threads
// than they fill (node and Go hang or give up within tight limits), so the limit only stops what outruns the watch.
const slack = 1 << 30

var nextCPU atomic.Uint32

// pickCPUs chooses n of the processors that the host may use, next to those that it chose before, so that programs with
// bounds do not all crowd on the first. It also tells how many there are.
func pickCPUs(n int) (chosen []int, of int) {
	var set unix.CPUSet
	var all []int
	if unix.SchedGetaffinity(0, &set) == nil {
		for cpu := range len(set) * 64 {
			if set.IsSet(cpu) {
				all = append(all, cpu)
			}
		}
	}
	n = min(n, len(all))
	from := int(nextCPU.Add(uint32(n))) - n
	for i := range n {
		chosen = append(chosen, all[(from+i)%len(all)])
	}
	return chosen, len(all)
}

// maxRSS is the largest resident memory so far, in bytes.
func maxRSS(who int) int64 {
	var ru syscall.Rusage
	if syscall.Getrusage(who, &ru) != nil {
		return 0
	}
	return ru.Maxrss << 10
}
