package natstest_test

import (
	"flag"
	"runtime"
	"strconv"
	"testing"

	"github.com/mabus-project/mabus/shared/natstest"
)

func TestOverlap(t *testing.T) {
	parallel := flag.Lookup("test.parallel")
	before := parallel.Value.String()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == parallel.Name })
	natstest.Overlap(1)
	if got := parallel.Value.String(); got != before {
		t.Errorf("%s tests at once, %s before: fewer than there are processors", got, before)
	}
	n := runtime.GOMAXPROCS(0) + 3
	natstest.Overlap(n)
	if got := parallel.Value.String(); !given && got != strconv.Itoa(n) || given && got != before {
		t.Errorf("%s tests at once, %s before, want %d", got, before, n)
	}
}
