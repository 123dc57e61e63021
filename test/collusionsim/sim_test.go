package collusionsim_test

import (
	"testing"

	"github.com/mabus-project/mabus/services/economics/screen"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/test/collusionsim"
)

func TestX(t *testing.T) {
	for _, agents := range []int{5, 10, 20} {
		for _, rounds := range []int{12, 24, 48, 96} {
			for _, sch := range []collusionsim.Scheme{0, 1, 2, 3, 4} {
				for _, ring := range []int{2, 3, 4} {
					if ring >= agents || sch == 0 && ring > 2 {
						continue
					}
					n := 100
					if sch == 0 {
						n = 300
					}
					any, hit, wrong := 0, 0, 0
					for seed := range n {
						s := collusionsim.Series{Agents: agents, Rounds: rounds, Scheme: sch, Ring: ring}
						resp := screen.Collusion(&api.ScreenRequest{Kind: api.ScreenBids, Rounds: s.Bids(uint64(seed))})
						h, w := false, false
						for _, f := range resp.Flags {
							in := true
							for _, a := range f.Agents {
								if int(a[1]-'0')*10+int(a[2]-'0') >= ring {
									in = false
								}
							}
							if in {
								h = true
							} else {
								w = true
							}
						}
						if len(resp.Flags) > 0 {
							any++
						}
						if h {
							hit++
						}
						if w {
							wrong++
						}
					}
					t.Logf("agents %d rounds %d scheme %d ring %d: any %.3f hit %.3f wrong %.3f", agents, rounds, sch, ring, float64(any)/float64(n), float64(hit)/float64(n), float64(wrong)/float64(n))
				}
			}
		}
	}
}
