package natstest

import (
	"flag"
	"runtime"
	"strconv"
)

// Overlap lets n tests that call t.Parallel run at once though there are fewer processors, for a package whose tests wait more than they
// work. It is called by TestMain. Who gives -parallel decides by himself.
func Overlap(n int) {
	flag.Parse()
	const name = "test.parallel"
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	if !given && n > runtime.GOMAXPROCS(0) {
		_ = flag.Set(name, strconv.Itoa(n)) // there is such a flag in every test
	}
}
