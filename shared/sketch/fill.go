package sketch

// Fill makes s the sketch of samples that were counted elsewhere: counts of the bins from first, and the sum, least and greatest of the
// samples. Counters that several goroutines add to are not read at one moment, so the four may be of samples that differ by some. The
// counts are what is right; of the others what does not agree with them is taken from the bins. Rest is what of the sum belongs to samples
// that the counts do not have, to be added to the sum of the next time; it is negative where the counts were ahead.
func (s *Sketch) Fill(first int, counts []uint64, sum, least, greatest float64) (rest float64) {
	s.Reset()
	low, high := -1, -1
	var total uint64
	var atLeast, atMost float64
	for k, n := range counts {
		if n == 0 {
			continue
		}
		if low < 0 {
			low = first + k
		}
		high = first + k
		total += n
		from, to := Bin(high)
		atLeast += float64(n) * from
		atMost += float64(n) * min(to, Largest)
	}
	if total == 0 {
		return sum
	}
	s.reach(low, high)
	for i := low; i <= high; i++ {
		s.counts[i-s.first] = counts[i-first]
	}
	if Index(least) != low {
		least = middle(low)
	}
	if Index(greatest) != high {
		greatest = middle(high)
	}
	greatest = max(least, greatest)
	atLeast, atMost = max(atLeast, float64(total)*least), min(atMost, float64(total)*greatest)
	s.include(total, min(max(sum, atLeast), atMost), least, greatest)
	return sum - s.Sum()
}
