package hostile_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/agenthost/native/echo"
	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/secret"
)

// untold are the methods whose changes no event of its own tells, and why.
var untold = map[string]string{
	"registry.leases.acquire": "a lease is a process's sign of life and nothing else: what lives by it is told; its record names the principal",
	"registry.leases.renew":   "every two seconds from every process",
	"registry.leases.release": "what lived by it is told as dead",

	"coordination.locks.acquire": "at the rate of messages; who holds a lock, and who waits, is in its record until it is given back",
	"coordination.locks.release": "as locks.acquire", "coordination.elections.campaign": "as locks.acquire", "coordination.elections.resign": "as locks.acquire",
	"coordination.cells.open": "at the rate of messages, and anybody may: who needs a trail of it appends events", "coordination.cells.put": "as cells.open",
	"coordination.cells.remove": "as cells.open", "coordination.barriers.arrive": "as cells.open", "coordination.barriers.leave": "as cells.open",
	"coordination.latches.create": "as cells.open", "coordination.latches.count_down": "as cells.open", "coordination.latches.remove": "as cells.open",
	"coordination.counters.add": "as cells.open", "coordination.counters.remove": "as cells.open", "coordination.sequences.next": "as cells.open",
	"coordination.sessions.answer":          "the session's transcript names who has answered what, and is archived",
	"coordination.variables.coordinate":     "it starts a session, whose end is told in the principal's name",
	"coordination.variables.coordinate_all": "it starts sessions",

	"economics.accounts.transfer": "both accounts' statements name it, for as long as the ledger is kept",
	"economics.holds.create":      "as accounts.transfer", "economics.holds.capture": "as accounts.transfer", "economics.holds.release": "as accounts.transfer",
	"economics.auctions.bid": "the auction's transcript names who has bid what, and is signed", "economics.auctions.reveal": "as auctions.bid",
	"economics.tenders.bid": "the tender's record names all bids when it has ended", "economics.tenders.bid_many": "as tenders.bid",
	"economics.markets.order": "the market's transcript names who has ordered what", "economics.markets.cancel_order": "as markets.order",
	"economics.markets.trade": "as markets.order", "economics.reputation.record": "the record of reputation names who has rated",
	"economics.reports.submit": "the report's end is told, and its record has the belief",

	"perfmon.deltas.add": "a measurement", "perfmon.metrics.record": "a measurement",
}

// change is a line of testdata/changes.txt:
//
//	ann economics.auctions.bid {"auction":"x"}        ann asks for this
//	ann a.b.c {} ~ "status":"failed"                  until the answer has this text
//	ann a.b.c {} ! deadline_exceeded                  and the answer is this error
//	ann a.b.c {} => id lease => token first           what the answer has there is $lease and $first from now on
//	ann a.b.c {} > x1 [agents]                        an event must tell it of x1, in ann's name: one of the noun of the method or the
//	                                                  given one, or of the given type; mabus.security.operated for what only operators may
type change struct {
	line             int
	as, method, body string
	until            string
	refused          api.Code
	keep             [][2]string
	entity, of       string
}

func readChanges(t *testing.T) (all []change) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "changes.txt"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		c := change{line: n}
		parts := strings.Split(line, " => ")
		for _, keep := range parts[1:] {
			path, name, _ := strings.Cut(keep, " ")
			c.keep = append(c.keep, [2]string{path, name})
		}
		rest, told, _ := strings.Cut(parts[0], " > ")
		c.entity, c.of, _ = strings.Cut(told, " ")
		rest, code, _ := strings.Cut(rest, " ! ")
		c.refused = api.Code(code)
		rest, c.until, _ = strings.Cut(rest, " ~ ")
		c.as, rest, _ = strings.Cut(rest, " ")
		c.method, c.body, _ = strings.Cut(rest, " ")
		all = append(all, c)
	}
	return all
}

// asker is an agent that asks whatever it is told, and is content with any answer.
const asker = `while IFS= read -r line; do id=${line#*\"id\":\"}; id=${id%%\"*}
case $line in
'{"type":"message"'*) printf '{"type":"need_input","id":"%s","payload":"which?"}\n' "$id" ;;
'{"type":"input"'*) printf '{"type":"result","id":"%s","payload":1}\n' "$id" ;;
esac; done`

var commitments = regexp.MustCompile(`\$commitment/(\w+)/(\w+)/(\d+)`)

// Whoever changes something, by whatever method, is named by an event about what has changed, or there is a reason why none tells.
func TestEveryChangeNamesItsPrincipal(t *testing.T) {
	w := newWorld(t)
	w.serve(t, api.KindHost, agenthost.New(agenthost.Config{ID: "h9", Modules: []agent.Module{echo.Module}}))
	told := w.listen(t)
	service := w.client(t, api.KindService, names[api.KindService])
	keys := filepath.Join(t.TempDir(), "keys")
	known := map[string]string{"$salt": "not a secret, not at all", "$asks": quoted(t, asker)}
	for _, name := range []string{"$key1", "$key2"} {
		public, err := secret.AddKey(keys)
		if err != nil {
			t.Fatal(err)
		}
		known[name] = public
	}
	for _, realm := range []string{"coordination", "economics"} {
		answer, err := w.op.Conn().Request(w.within(t), ns+"."+realm+".rules.get", []byte("{}"), true)
		if err != nil {
			t.Fatal(err)
		}
		known["$"+realm] = at(t, answer, "version")
	}
	for _, member := range []string{"bob", "carol"} { // who is asked, and takes his time
		for _, subject := range []string{api.AgentSubject(ns, member), api.As(ns, "*", api.AgentSubject(ns, member))} {
			if _, err := service.Conn().NC.SubscribeSync(subject); err != nil {
				t.Fatal(err)
			}
		}
	}
	done := map[string]bool{}
	var wanted []change
	for _, c := range readChanges(t) {
		known["$soon"] = time.Now().Add(3 * time.Second).UTC().Format(time.RFC3339Nano)
		fill := func(s string) string {
			for name, value := range known {
				s = strings.ReplaceAll(s, name, value)
			}
			return s
		}
		body := fill(commitments.ReplaceAllStringFunc(c.body, func(s string) string {
			m := commitments.FindStringSubmatch(s)
			price, err := strconv.ParseInt(m[3], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return mechanism.Commitment(m[1], m[2], api.Micro(price), 1, known["$salt"])
		}))
		conn := service.Conn().WithPrincipal(c.as)
		if c.as == names[api.KindOperator] {
			conn = w.op.Conn()
		}
		answer := w.carryOut(t, conn, c, body)
		done[c.method] = true
		for _, keep := range c.keep {
			known["$"+keep[1]] = at(t, answer, keep[0])
		}
		if c.entity != "" {
			c.entity = fill(c.entity)
			wanted = append(wanted, c)
		}
	}
	for _, d := range api.Methods {
		if d.Write && !done[d.Name()] {
			t.Errorf("%s changes something, and testdata/changes.txt does not say what tells of it", d.Name())
		}
	}
	for name, because := range untold {
		if !done[name] || because == "" {
			t.Errorf("there is no change %s, or no reason why nothing tells of it", name)
		}
	}
	tells := map[string]bool{}
	for _, c := range wanted {
		tells[c.method] = true
		told.of(t, c)
	}
	for name := range done {
		if i := methodOf(name); i != nil && i.Write && !tells[name] && untold[name] == "" {
			t.Errorf("nothing is said of what tells of %s", name)
		}
	}
}

// carryOut asks until the answer is as it shall be.
func (w *world) carryOut(t *testing.T, conn *rpc.Conn, c change, body string) (answer json.RawMessage) {
	t.Helper()
	if c.method == api.SecretsSet.Describe().Name() { // whose value is sealed on the way
		if _, err := client.New(conn).Secrets.Set(w.within(t), "s1", []byte("v"), ""); err != nil {
			t.Errorf("line %d: %s: %v", c.line, c.method, err)
		}
		return nil
	}
	var err error
	ask := func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		answer, err = conn.Request(ctx, ns+"."+c.method, []byte(body), true)
		return api.CodeOf(err) == c.refused && strings.Contains(string(answer), c.until)
	}
	if c.until == "" && !ask() {
		t.Errorf("line %d: %s as %s: %v", c.line, c.method, c.as, err)
	} else if c.until != "" {
		natstest.Eventually(t, patience, ask, "line %d: %s has %s", c.line, c.method, c.until)
	}
	return answer
}

func methodOf(name string) *api.Descriptor {
	for i := range api.Methods {
		if api.Methods[i].Name() == name {
			return &api.Methods[i]
		}
	}
	return nil
}

// ear hears all events, of which each tells of one change.
type ear struct {
	sub   *nats.Subscription
	heard []api.Event
}

func (w *world) listen(t *testing.T) *ear {
	t.Helper()
	sub, err := w.op.Conn().NC.SubscribeSync(ns + ".event.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.op.Conn().NC.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
	return &ear{sub: sub}
}

// of waits for the event of a change, and takes it.
func (e *ear) of(t *testing.T, c change) {
	t.Helper()
	for i, event := range e.heard {
		if c.toldBy(event) {
			e.heard = append(e.heard[:i], e.heard[i+1:]...)
			return
		}
	}
	for {
		msg, err := e.sub.NextMsg(patience) // nothing at all comes for so long
		if err != nil {
			t.Errorf("line %d: no event tells of %s of %s by %s (%v)", c.line, c.method, c.entity, c.as, err)
			return
		}
		var event api.Event
		if err := codec.Read(msg.Data, &event); err != nil {
			t.Fatal(err)
		}
		if by, ok := strings.CutPrefix(msg.Subject, ns+".event.as."); ok { // an appended event has it in its subject alone
			event.Principal, _, _ = strings.Cut(by, ".")
		}
		if c.toldBy(event) {
			return
		}
		e.heard = append(e.heard, event)
	}
}

func (c *change) toldBy(e api.Event) bool {
	if e.Principal != c.as || e.Subject != c.entity {
		return false
	}
	d := methodOf(c.method)
	if d.Least() == api.KindOperator {
		var r api.Refusal
		return e.Type == api.EventOperated && codec.Read(e.Data, &r) == nil && r.What == c.method
	}
	noun := d.Noun
	if c.of != "" {
		noun = c.of
	}
	return e.Type == noun || strings.HasPrefix(e.Type, "mabus."+noun+".")
}

// at is what an answer has at a path, as text.
func at(t *testing.T, answer json.RawMessage, path string) string {
	t.Helper()
	var v any
	if err := codec.Read(answer, &v); err != nil {
		t.Errorf("%s: %v", answer, err)
	}
	for _, name := range strings.Split(path, ".") {
		switch of := v.(type) {
		case map[string]any:
			v = of[name]
		case []any:
			if n, err := strconv.Atoi(name); err == nil && n < len(of) {
				v = of[n]
			}
		}
	}
	return fmt.Sprint(v)
}

// quoted is a text as it stands within a JSON string.
func quoted(t *testing.T, text string) string {
	t.Helper()
	raw, err := codec.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw[1 : len(raw)-1])
}
