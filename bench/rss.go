package bench

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// resident returns the bytes of a process's memory that are in RAM, where Linux tells; that of this process for 0.
func resident(pid int) (int64, error) {
	name := "self"
	if pid != 0 {
		name = strconv.Itoa(pid)
	}
	data, err := os.ReadFile("/proc/" + name + "/status")
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(data) {
		fields := bytes.Fields(line)
		if len(fields) != 3 || string(fields[0]) != "VmRSS:" {
			continue
		}
		kb, err := strconv.ParseInt(string(fields[1]), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read the memory of process %s: %w", name, err)
		}
		return kb << 10, nil
	}
	return 0, fmt.Errorf("process %s has no resident memory", name)
}
