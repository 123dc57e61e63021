package scoring_test

import (
	"math/rand/v2"
	"testing"

	"github.com/mabus-project/mabus/services/economics/scoring"
	"github.com/mabus-project/mabus/shared/api"
)

func TestPeer(t *testing.T) {
	y, n := true, false
	for _, row := range []struct {
		mine, peers []bool
		want        api.Micro
		ok          bool
	}{
		{[]bool{y, n}, []bool{y, n}, 100, true},      // agree on each, on no pair: s = 1
		{[]bool{y, n}, []bool{n, y}, 0, true},        // s = -1
		{[]bool{y, y, y}, []bool{y, y, y}, 50, true}, // without looking: s = 0
		{[]bool{y, y, y}, []bool{y, n, y}, 50, true},
		{[]bool{y, n, y}, []bool{y, n, y}, 83, true}, // s = 1 - 1/3
		{[]bool{y}, []bool{y}, 0, false},
		{[]bool{y, n}, []bool{y}, 0, false},
		{nil, nil, 0, false},
		{make([]bool, scoring.MaxPeerTasks+1), make([]bool, scoring.MaxPeerTasks+1), 0, false},
		{make([]bool, scoring.MaxPeerTasks), make([]bool, scoring.MaxPeerTasks), 50, true},
	} {
		if got, ok := scoring.Peer(100, row.mine, row.peers); got != row.want || ok != row.ok {
			t.Errorf("%d tasks: %d %v, want %d %v", len(row.mine), got, ok, row.want, row.ok)
		}
	}
	if got, ok := scoring.Peer(-5, []bool{y, n}, []bool{y, n}); got != 0 || !ok {
		t.Errorf("%d of less than nothing", got)
	}
}

// Every joint distribution of two binary signals in tenths that is positively correlated, every strategy that maps a signal to a
// report, and every outcome of three tasks, weighed exactly: with an honest peer, honesty is strictly the best.
func TestHonestyPaysBestAmongPeers(t *testing.T) {
	strategies := map[string]func(bool) bool{
		"reverse": func(s bool) bool { return !s },
		"yes":     func(bool) bool { return true },
		"no":      func(bool) bool { return false },
	}
	honest := func(s bool) bool { return s }
	settings := 0
	for yy := range int64(11) {
		for yn := range 11 - yy {
			for ny := range 11 - yy - yn {
				joint := [4]int64{yy, yn, ny, 10 - yy - yn - ny}
				if joint[0]*joint[3] <= joint[1]*joint[2] {
					continue
				}
				settings++
				best := worth(joint, honest, honest)
				for name, f := range strategies {
					if got := worth(joint, f, honest); got >= best {
						t.Errorf("of %v, %s expects %d, honesty %d", joint, name, got, best)
					}
					if got := worth(joint, f, f); name != "reverse" && got >= best {
						t.Errorf("of %v, both expect %d by saying %s, by honesty %d", joint, got, name, best)
					}
				}
			}
		}
	}
	if settings < 50 {
		t.Errorf("only %d settings", settings)
	}
}

// worth is what a strategy expects over three tasks, a thousand times as much for each.
func worth(joint [4]int64, mine, peers func(bool) bool) int64 {
	var sum int64
	a, b := make([]bool, 3), make([]bool, 3)
	for outcome := range 4 * 4 * 4 {
		weight := int64(1)
		for i, rest := 0, outcome; i < 3; i, rest = i+1, rest/4 {
			signal := rest % 4
			weight *= joint[signal]
			a[i], b[i] = mine(signal < 2), peers(signal%2 == 0)
		}
		pay, _ := scoring.Peer(12_000, a, b) // 2*all is 12: nothing is rounded
		sum += weight * int64(pay)
	}
	return sum
}

// Over a million generated reports of an agent that sees a task right seven times of ten, like its honest peer, no strategy that
// reports a share of the signals wrongly is worth more than honesty.
func TestHonestyPaysBestAmongGeneratedPeers(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 7))
	mean := func(flipped uint32) float64 {
		var sum, n float64
		mine, peers := make([]bool, 10), make([]bool, 10)
		for range 20_000 {
			for i := range mine {
				truth := rng.Uint32N(2) == 0
				mine[i] = truth == (rng.Uint32N(10) < 7) == (rng.Uint32N(10) >= flipped)
				peers[i] = truth == (rng.Uint32N(10) < 7)
			}
			pay, _ := scoring.Peer(1_000_000, mine, peers)
			sum, n = sum+float64(pay), n+1
		}
		return sum / n
	}
	before := mean(0)
	for _, flipped := range []uint32{2, 4, 6, 8, 10} {
		now := mean(flipped)
		if now >= before {
			t.Errorf("who says the reverse %d times of ten expects %.0f, %.0f less often", flipped, now, before)
		}
		before = now
	}
}
