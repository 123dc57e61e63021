package economics_test

import (
	"bytes"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// nonsense are bodies that mean nothing to any method.
var nonsense = []string{
	"", "[]", "null", `""`, "{", "{}{}", "\x00\xff\xfe", `{"id":"\ud800"}`, `{"id":"a","id":"a"}`, strings.Repeat("[", 20_000), `{"id":"` + strings.Repeat("x", 64<<10) + `"}`,
}

// wrong are values that no field takes, or that name nothing.
var wrong = []string{
	`null`, `true`, `-1`, `0.5`, `1e400`, `9223372036854775808`, `"-1"`, `"1.5"`, `"NaN"`, `"Infinity"`, `"1000000000000001"`, `"99999999999999999999"`, `""`, `"a b"`, `"x/y/z/w"`, `">"`,
	`"none"`, `"t1"`, `"mabus/fees/credit"`, `"-5s"`, `"9999999h"`, `[]`, `{}`, strings.Repeat("[", 300) + strings.Repeat("]", 300), `"` + strings.Repeat("y", 64<<10) + `"`,
}

// spoiled returns bodies that are like good ones of a type but for one field each.
func spoiled(request reflect.Type) []string {
	good := map[string]string{}
	var names []string
	var add func(t reflect.Type)
	add = func(t reflect.Type) {
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Anonymous && f.Tag.Get("json") == "" {
				add(f.Type)
				continue
			}
			name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "" || name == "-" {
				continue
			}
			names = append(names, name)
			if strings.HasPrefix(rest, "omit") {
				continue
			}
			switch value := reflect.Zero(f.Type).Interface().(type) {
			case api.Micro, *api.Micro:
				good[name] = `"1000000"`
			case api.Duration:
				good[name] = `"1s"`
			case api.Decimal:
				good[name] = `0.5`
			case int, int64, uint64:
				good[name] = `1`
			case string, api.AccountID:
				good[name] = `"ann"`
			default:
				raw, _ := codec.Marshal(value)
				good[name] = string(raw)
			}
		}
	}
	add(request)
	var bodies []string
	for i, field := range append(names, "unknown") {
		for j, value := range wrong {
			if (i+j)%4 != 0 { // other values of other fields
				continue
			}
			parts := []string{strconv.Quote(field) + ":" + value}
			for name, v := range good {
				if name != field {
					parts = append(parts, strconv.Quote(name)+":"+v)
				}
			}
			bodies = append(bodies, "{"+strings.Join(parts, ",")+"}")
		}
	}
	return bodies
}

// bare sends a body as any NATS client can, in somebody's name or nobody's, and returns the code of the answer.
func (r *rig) bare(t testing.TB, principal string, m api.Descriptor, body string) (code, text string) {
	t.Helper()
	msg := nats.NewMsg(api.As("mabus", principal, api.MethodSubject("mabus", m.Service, m.Noun, m.Verb)))
	msg.Data = []byte(body)
	msg.Header.Set(api.HeaderTimeout, "20s")
	if !m.Write { // those that wait would do so
		msg.Header.Set(api.HeaderTimeout, "1s")
	}
	answer, err := r.as("").NC.RequestMsg(msg, patience)
	if err != nil {
		t.Fatalf("%s %.100q: %v", m.Name(), body, err)
	}
	return answer.Header.Get(api.HeaderErrorCode), answer.Header.Get(api.HeaderError)
}

// Whatever comes to whichever method, from whomever, somebody answers: with what was asked, or with an error of the closed set. Nothing
// moves, nobody goes, and all replicas have the same.
func TestJunkIsAnsweredAndNothingMoves(t *testing.T) {
	t.Parallel()
	r := world(t, 3)
	r.mint(1_000_000_000, "ann", "bob")
	must(t, r.as("ann"), api.AuctionsCreate, api.AuctionSpec{ID: "t1", Type: api.AuctionVickrey, Item: []byte(`"x"`)})
	must(t, r.as("bob"), api.AuctionsBid, api.AuctionBidRequest{Auction: "t1", Price: new(api.Micro(5_000_000))})
	codes, known := map[string]bool{"": true}, map[string]bool{"": true}
	for _, code := range api.Codes {
		known[string(code)] = code != api.Internal && code != api.Unimplemented
		codes[string(code)] = known[string(code)] && code != api.DeadlineExceeded
	}
	// Nobody may be stopped by what a stranger without money sends.
	before := r.books(t)
	var group errgroup.Group
	group.SetLimit(64)
	for _, m := range api.Methods {
		if m.Service != "economics" {
			continue
		}
		group.Go(func() error {
			for i, body := range append(spoiled(m.Request), nonsense...) {
				principal := [...]string{"stranger", "", "t1"}[i%3]
				if code, text := r.bare(t, principal, m, body); !codes[code] && m.Write || !known[code] || code != "" && text == "" {
					t.Errorf("%s by %q, %.150q: %s, %s", m.Name(), principal, body, code, text)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if after := r.books(t); !bytes.Equal(before, after) {
		t.Errorf("before: %s\nafter: %s", before, after)
	}
	for len(r.stops) > 0 { // each of the replicas, the last of them alone
		if after := r.books(t); !bytes.Equal(before, after) {
			t.Errorf("%d replicas left: %s, want %s", len(r.stops), after, before)
		}
		if len(r.stops) == 1 {
			break
		}
		r.stops[0]()
		r.stops = r.stops[1:]
	}
	must(t, r.as("ann"), api.AuctionsClose, api.AuctionRequest{Auction: "t1"})
}

// books are what there is of money, and what those have who have some.
func (r *rig) books(t testing.TB) []byte {
	t.Helper()
	audit := must(t, r.as(economics.DefaultOperator), api.LedgerAudit, api.AuditRequest{})
	if !audit.Agree {
		t.Errorf("the ledger: %s", audit.Fault)
	}
	all := []any{audit.Holds}
	for _, a := range audit.Assets { // names of others without a unit may have come
		if a.Asset == api.CreditAsset || a.Accounts > 0 || a.Issued != 0 {
			all = append(all, a)
		}
	}
	for _, who := range []string{"ann", "bob", "stranger"} {
		a := must(t, r.as(who), api.AccountsList, api.AccountsListRequest{Owner: who})
		a.Revision = ""
		all = append(all, a)
	}
	raw, err := codec.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
