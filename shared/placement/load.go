package placement

import "math"

// Load is how busy a host is by its own newest reports. The figures are percentages rounded to tens, so that hosts which hear the
// same reports a moment apart mostly come to the same plan.
type Load struct {
	// CPU is the share of the processors that is in use, Memory that of the memory.
	CPU, Memory int
	// Queue is how much waits: Q waiting messages for each processor are 100·Q/(Q+16).
	Queue int
}

// Loads are the loads of hosts, by their leases. A host that is not among them is as busy as its record says.
type Loads map[string]Load

// halfQueue is how many messages for each processor make a host half as busy as it can be by its queues.
const halfQueue = 16

// NewLoad rounds what a host has measured: shares from 0 to 1, and the messages that wait on it. A figure that is less than three
// quarters of a step away from what it was stays as it was, so that a load on the edge between two steps does not flutter.
func NewLoad(was Load, cpu, memory float64, waiting, cpus int) Load {
	queue := float64(max(waiting, 0)) / float64(max(cpus, 1))
	return Load{CPU: step(was.CPU, cpu), Memory: step(was.Memory, memory), Queue: step(was.Queue, queue/(queue+halfQueue))}
}

func step(was int, share float64) int {
	percent := 100 * min(max(share, 0), 1)
	if math.IsNaN(percent) || math.Abs(percent-float64(was)) < 7.5 {
		return was
	}
	return int(math.Round(percent/10)) * 10
}

// Busy is the figure that counts, in percent: the most of the three. Memory counts from a half on, since what is free of it below that
// makes nothing faster.
func (l Load) Busy() int { return max(l.CPU, 2*(l.Memory-50), l.Queue) }
