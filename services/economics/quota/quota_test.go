package quota_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/draft"
	"github.com/mabus-project/mabus/services/economics/quota"
	"github.com/mabus-project/mabus/shared/api"
)

// Nobody has more than he may have, and what is given back can be taken again; who has nothing is in no table.
func TestQuota(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, has := draft.Table[*quota.Count]{}, map[string]int{}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			who := rapid.SampledFrom([]string{"ann", "bob"}).Draw(t, "who")
			d := draft.Of(table)
			if rapid.Bool().Draw(t, "give") {
				if has[who] > 0 {
					has[who]--
				}
				quota.Give(&d, who)
				d.Apply()
				continue
			}
			err := quota.Take(&d, who, 3, "auctions", "too_many")
			if (err == nil) != (has[who] < 3) || err != nil && (api.CodeOf(err) != api.Overloaded || api.ReasonOf(err) != "too_many") {
				t.Fatalf("%s has %d: %v", who, has[who], err)
			}
			if err == nil {
				has[who]++
				d.Apply()
			}
		}
		for who, n := range has {
			if c := table[who]; n == 0 && c != nil || n > 0 && (c == nil || c.Live != n) {
				t.Fatalf("%s has %d: %+v", who, n, c)
			}
		}
	})
}
