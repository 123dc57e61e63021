package main

import (
	"fmt"
	"strconv"
	"strings"
)

// sizes are the units of a number of bytes.
var sizes = []struct {
	suffix string
	bytes  float64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"TiB", 1 << 40},
	{"kB", 1e3},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"K", 1 << 10},
	{"M", 1 << 20},
	{"G", 1 << 30},
	{"T", 1 << 40},
	{"B", 1},
}

// parseSize reads a number of bytes such as "512MiB"; 0 for "".
func parseSize(text string) (int64, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0, nil
	}
	number, unit := text, 1.0
	for _, s := range sizes {
		if n, ok := strings.CutSuffix(text, s.suffix); ok {
			number, unit = strings.TrimSpace(n), s.bytes
			break
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || n < 0 || n*unit >= 1<<62 {
		return 0, fmt.Errorf("want a size such as 512MiB or 2GB, have %.40q", text)
	}
	return int64(n * unit), nil
}
