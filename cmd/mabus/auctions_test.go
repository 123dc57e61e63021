package main

import (
	"bytes"
	"errors"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
)

// mabus runs a command line in this process, in somebody's name, and returns what it prints.
func (h *hall) mabus(as, line string) (string, error) {
	var out bytes.Buffer
	cmd := newRoot()
	cmd.SetArgs(append([]string{"--server", h.url, "--as", as}, strings.Fields(line)...))
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	err := cmd.ExecuteContext(h.t.Context())
	return out.String(), err
}

// play runs lines of somebody, a command and what it has to print; after an exclamation mark it has to fail with that.
func (h *hall) play(script string) {
	h.t.Helper()
	for text := range strings.SplitSeq(strings.TrimSpace(script), "\n") {
		line, want, _ := strings.Cut(strings.TrimSpace(text), " -> ")
		as, line, _ := strings.Cut(line, " ")
		fails := strings.HasPrefix(want, "!")
		out, err := h.mabus(as, "auctions "+line)
		if fails && err != nil {
			want, out = want[1:], out+"\n"+say(err)
		}
		if fails != (err != nil) || !regexp.MustCompile("(?m)"+want).MatchString(out) {
			h.t.Errorf("%s: %v, want %s\n%s", text, err, want, out)
		}
	}
}

// Each type, from its flags to its outcome.
func TestAuctionsOfEachType(t *testing.T) {
	t.Parallel()
	h := openHall(t, "ann", "bob", "cy", "di")
	opens, spec := filepath.Join(t.TempDir(), "bid.json"), filepath.Join(t.TempDir(), "spec.json")
	write(t, spec, `{"type":"english","item":"a lamp","reserve":"2500000"}`)
	h.play(strings.NewReplacer("OPENS", opens, "SPEC", spec).Replace(`
		ann create english --item lamp --reserve 5 --fee 0.05 --category light --id lamp -> ^next price +5.00$
		ann create english --item lamp --id lamp -> !an id is used once
		bob bid lamp 4.99 -> !bid at least 5.00$
		bob bid lamp --max 12 -> ^price +5.00$
		cy bid lamp 7 --json -> "price":"7100000".*"revision":
		cy bids lamp -> ^bob +standing +- +- +- +- +- +2 
		bob bids lamp -> ^bob +standing +- +12.00 +- +- +12.00 +2 
		bob watch lamp --timeout 3s -> !open +bids: 2  price: 7.10  leader: bob$
		cy list --type english --owner ann --category light -> ^lamp +english +open +7.10 +bob +2 +2 +ann +in 
		cy list --type dutch --json -> "auctions":\[\]
		bob close lamp -> !belongs to ann
		ann cancel lamp -> !there are bids
		ann close lamp -> ^winner +bob at 7.10$
		ann get lamp --json -> "outcome":
		ann get lamp -> ^state +closed$
		cy bid lamp 50 -> !is closed
		ann create dutch --item x --start-price 20 --step 0.50 --interval 1h --reserve 8 --id clock -> ^price now +20.00$
		bob bid clock 19.50 -> !bid at least 20.00$
		bob bid clock -> ^state +closed$
		ann create vickrey --item {"task":1} --reveal 1h --deposit 2 --forfeit 0.5 --id sealed -> ^deposit +2.00$
		bob bid sealed 30 --commit OPENS -> ^step +2$
		cy bid sealed 30 --commit OPENS -> !exists
		bob bids sealed -> ^bob +committed +- +- +- +- +2.00 
		bob reveal OPENS -> !not revealed now
		ann close sealed -> ^revealing ends +in 
		cy reveal OPENS -> !has no bid
		bob reveal OPENS -> ^state +closed$
		ann create uniform --asset gpu --quantity 3 --id seats -> ^quantity +3$
		bob bid seats 5 --quantity 2 --whole -> ^step +2$
		cy bid seats 4 --quantity 2 -> ^price +4.00$
		cy withdraw seats -> ^step +4$
		cy bid seats 4 --quantity 2 -> ^step +5$
		ann close seats -> ^winner +bob at 4.00, 2 units, 8.00 in all$
		ann create double --item swap --rule mcafee --id swap -> ^rule +mcafee$
		bob bid swap 5 --side buy -> ^step +2$
		cy bid swap 2 --side sell -> ^step +3$
		cy bids swap -> ^bob +standing +- +- +- +- +- 
		operator cancel swap --reason late -> ^reason +late$
		ann create combinatorial --items cpu=10,mem=5,g:2:gpu=1 --id bundle -> ^items +cpu=10.00,mem=5.00,g:2:gpu=1.00$
		bob bid bundle 19 --items cpu,mem -> ^step +2$
		cy bid bundle 14 --items cpu -> ^step +3$
		di bid bundle 9 --items mem -> ^step +4$
		di bids bundle -> mem=9.00
		ann close bundle -> ^id +bundle$
		ann watch bundle -> ^winner +cy at 10.00: cpu$
		ann create multi_attribute --item haul --reverse --reserve 100 --prices 100..20 --price-weight 0.6 --attribute hours=0.4:48..6 --id haul -> ^type +multi_attribute, reverse$
		bob bid haul 60 --attribute hours=12 -> ^price +60.00$
		bob bids haul -> hours=12
		ann close haul -> ^winner +bob at 60.00, score 0\.[0-9]+$
		ann create incentive --item work --reverse --reserve 100 --quality-rate 0.10 --speed-rate 1 --id work -> ^reserve +100.00$
		bob bid work 60 -> ^step +2$
		ann close work -> ^state +awarded$
		ann settle work 0.9 --took 23h -> ^settled +62.00: 60.00 and bonuses of 1.00 for quality, 1.00 for speed, 0.00 for reputation$
		ann create --spec SPEC --id filed -> ^reserve +2.50$
		ann create first_price --item x --duration 50ms --id none --watch -> !^state +expired$
		ann stats -> ^vickrey +1 +0 +1 +0 +0 +1 +0.00 
		ann stats --json -> "traded":"[0-9]+"
		ann mechanisms -> ^vickrey +sealed auction +yes +- +Sealed
		ann mechanisms first_price -> ^truthful +no +
		ann mechanisms --json -> "mechanisms":
		ann mechanisms lottery -> !there is no mechanism
		ann key --json -> ^\{"key":"[0-9A-Za-z+/]+="\}$
		ann get nothing -> !nothing
		ann watch nothing -> !nothing
		ann transcript nothing -> !nothing
	`))
	x, err := h.clients["bob"].Auctions.Get(t.Context(), "haul")
	if err != nil {
		t.Fatal(err)
	}
	want := api.ScoringWeight{Name: "hours", Weight: 400_000, Low: 6 * api.One, High: 48 * api.One, Less: true}
	if s := x.Scoring; s.WorstPrice != 100*unit || s.BestPrice != 20*unit || s.PriceWeight != 600_000 || len(s.Attributes) != 1 || s.Attributes[0] != want {
		t.Errorf("%+v", s)
	}
}

// What cannot be meant is said before anything is sent.
func TestAuctionsUsage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	spec, other := filepath.Join(dir, "spec.json"), filepath.Join(dir, "new.json")
	write(t, spec, `{"type":"english","item":1}`)
	h := &hall{t: t, url: "nats://127.0.0.1:1"}
	for line, want := range map[string]string{
		"create":                  "say which TYPE",
		"create lottery --item x": "invalid auction type",
		"create english":          "has a type, and an item",
		"create english --item x --reserve 1.0000001":                        `"1.0000001" is no amount`,
		"create english --item x --duration 0s":                              "invalid duration",
		"create english --item x --fee 2":                                    "fee must be 0 to 1",
		"create vickrey --item x --skills a":                                 "incentive does not go",
		"create vickrey --item x --price-weight 1":                           "WORST..BEST",
		"create combinatorial --items cpu:4":                                 "is no item",
		"create combinatorial --items cpu:x:gpu":                             "is no item",
		"create combinatorial --items cpu=x":                                 "is no amount",
		"create multi_attribute --item x --prices 5..1 --attribute q=1:0":    "is no attribute",
		"create multi_attribute --item x --prices 5..y --attribute q=1:0..1": "is no amount",
		"create english --spec " + spec:                                      "only --id goes with it",
		"create --spec " + spec + " --reserve 5":                             "only --id goes with it",
		"bid x -- -5":                                                        "is no amount",
		"bid x 0":                                                            "price must be above 0",
		"bid x 5 --attribute q":                                              "is no attribute",
		"bid x --commit " + other:                                            "hides a PRICE",
		"bid x 5 --max 9 --commit " + other:                                  "hides a PRICE",
		"settle x high --took 1h":                                            "QUALITY",
		"settle x 2 --took 1h":                                               "quality must be 0 to 1",
		"list --state nowhere":                                               "state must be one of",
		"mechanisms a.b":                                                     "name",
		"nonsense":                                                           "has no command",
	} {
		out, err := h.mabus("ann", "auctions "+line)
		if !errors.Is(err, errUsage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s\n%s", line, err, want, out)
		}
	}
	for _, verb := range []string{"create english --item x", "bid x 5", "reveal x", "withdraw x", "close x", "cancel x", "settle x 1 --took 1s"} {
		if _, err := h.mabus("", "auctions "+verb); !errors.Is(err, errUsage) {
			t.Errorf("%s in nobody's name: %v", verb, err)
		}
	}
	if lines := readLines(other); len(lines) > 0 {
		t.Error("a bid that was not placed is kept")
	}
}
