package agenthost

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
)

// system is what the machine is doing; zero where that cannot be told.
type system struct {
	cpus          int
	cpu           api.Measure // share, over the last few looks
	memory, total int64       // bytes in use, and there

	looks [4]cpu
	n     int
}

func (s *system) start() {
	s.cpus = runtime.GOMAXPROCS(0)
	if now, ok := readCPU(); ok {
		for i := range s.looks {
			s.looks[i] = now
		}
	}
	s.memory, s.total = readMemory()
}

// measure looks again. The processors' share is that since the fourth look before.
func (s *system) measure() {
	s.memory, s.total = readMemory()
	now, ok := readCPU()
	if !ok {
		return
	}
	was := s.looks[s.n%len(s.looks)]
	s.looks[s.n%len(s.looks)] = now
	s.n++
	if now.all > was.all && now.busy >= was.busy {
		s.cpu = api.Measure(min(float64(now.busy-was.busy)/float64(now.all-was.all), 1))
	}
}

func (s *system) share() api.Measure {
	if s.total <= 0 {
		return 0
	}
	return api.Measure(min(max(float64(s.memory)/float64(s.total), 0), 1))
}

// readMemory returns the bytes in use and there: those of the control group if that is bounded, or else of the machine, where caches
// that can be given up count as free. Both are 0 where there is no /proc.
func readMemory() (used, total int64) {
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, 0
	}
	total = meminfo(info, "MemTotal:")
	used = total - meminfo(info, "MemAvailable:")
	limit, err := os.ReadFile("/sys/fs/cgroup/memory.max")
	if err != nil {
		return used, total
	}
	most, err := strconv.ParseInt(strings.TrimSpace(string(limit)), 10, 64)
	if err != nil || most <= 0 || most >= total { // "max", or more than there is
		return used, total
	}
	current, err := os.ReadFile("/sys/fs/cgroup/memory.current")
	if err != nil {
		return used, total
	}
	have, err := strconv.ParseInt(strings.TrimSpace(string(current)), 10, 64)
	if err != nil {
		return used, total
	}
	stat, _ := os.ReadFile("/sys/fs/cgroup/memory.stat")
	return max(have-field(stat, "inactive_file"), 0), most
}

// meminfo returns a row of /proc/meminfo in bytes.
func meminfo(info []byte, row string) int64 { return field(info, row) << 10 }

// field returns the number after the name at the beginning of a line; 0 if there is none.
func field(text []byte, name string) int64 {
	for line := range bytes.Lines(text) {
		words := strings.Fields(string(line))
		if len(words) >= 2 && words[0] == name {
			n, err := strconv.ParseInt(words[1], 10, 64)
			if err != nil || n < 0 {
				return 0
			}
			return n
		}
	}
	return 0
}
