package upgrade_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/test/chaos"
)

var (
	rolling    = flag.Bool("rolling", false, "run the older program beside this tree's: it is built first, which takes minutes")
	commit     = flag.String("commit", "", "the commit of the older program; the one in the file previous unless given")
	oldProgram = flag.String("old", "", "path of the older program, built before")
)

// patience bounds what a loaded machine may take for something that should come at once.
const patience = 60 * time.Second

// order is that in which services are upgraded; docs/compatibility.md says why. It is taken back in the opposite order.
var order = []string{"registry", "coordination", "economics", "perfmon", "loadbalancer", "agenthost"}

// deployment is every service as processes of their own.
type deployment struct {
	setting
	t        *testing.T
	dir      string
	members  []*member
	replaced int
}

// setting is what a deployment runs on.
type setting struct {
	url   string
	args  []string // of every service
	harsh bool     // every other replacement is a kill, and not a stop in good order
	// creds makes the credentials file of a principal, where NATS asks for one; nil where it does not.
	creds func(api.Kind, string) string
}

// Every service is replaced by this tree's, beside the older ones, and taken back again, while everything is written to. No request that may
// be repeated fails, nothing that was acknowledged is lost, nothing is done twice, and no replica contradicts another.
func TestRollingUpgrade(t *testing.T) {
	if !*rolling {
		t.Skip("builds an older commit, a minute and more on two cores, and rolls for another: make upgrade-check runs it")
	}
	p := build(t, previous(t))
	t.Run("one", func(t *testing.T) { roll(t, p, setting{url: natstest.Start(t).URL()}) })
	t.Run("cluster", func(t *testing.T) {
		c := natstest.StartCluster(t, 3)
		roll(t, p, setting{url: c.URLs(), args: []string{"--replicas", "3"}, harsh: true})
	})
	t.Run("strict", func(t *testing.T) {
		srv := natstest.StartStrict(t)
		roll(t, p, setting{
			url: srv.URL(), args: []string{"--strict"}, harsh: true,
			creds: func(kind api.Kind, name string) string { return srv.Creds(t, kind, name) },
		})
	})
}

// roll rolls a deployment of the older program to this tree's and back.
func roll(t *testing.T, p programs, s setting) {
	d := deploy(t, p.old, s)
	l := newLoad(t, d.url, p.old, s.creds)
	if s.harsh { // those whom a killed process answers are away until its lease has run out, or their round is over
		l.answered, l.tries = 2*time.Minute, 3
	}
	d.populate(l)
	l.start()
	d.settle(l)
	for _, service := range order { // one replica of each first, so that both versions of everything work together
		d.replace(service, 0, p.current)
	}
	d.settle(l)
	for _, service := range order {
		d.replace(service, 1, p.current)
	}
	d.settle(l)
	d.configured(l)
	for i := len(order) - 1; i >= 0; i-- {
		d.replace(order[i], 0, p.old)
		d.replace(order[i], 1, p.old)
	}
	d.settle(l)
	l.end()
	l.judge()
	d.judge()
	t.Logf("%v; the longest request was %s, %s", l.done, l.slowly, l.slow)
}

// previous is the commit to upgrade from.
func previous(t *testing.T) string {
	t.Helper()
	if *commit != "" {
		return *commit
	}
	data, err := os.ReadFile("previous")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(data))
}

// deploy starts two processes of every service.
func deploy(t *testing.T, program string, s setting) *deployment {
	d := &deployment{setting: s, t: t, dir: t.TempDir()}
	if *keep != "" {
		d.dir = filepath.Join(*keep, filepath.Base(t.Name()))
		if err := os.MkdirAll(d.dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	ports := natstest.FreePorts(t, 2*len(order))
	for i, service := range order {
		for n := range 2 {
			name := fmt.Sprintf("%s%d", service, n)
			m := &member{
				name: name, service: service, program: program, probe: fmt.Sprintf("127.0.0.1:%d", ports[2*i+n]), log: filepath.Join(d.dir, name+".log"), args: s.args,
			}
			if s.creds != nil {
				kind, who := api.KindService, "mabus"
				if service == "agenthost" {
					kind, who = api.KindHost, name
				}
				m.args = append(slices.Clone(s.args), "--as", who, "--creds", s.creds(kind, who))
			}
			d.members = append(d.members, m)
			t.Cleanup(func() { m.stop(t) })
			m.start(t, d.url)
		}
	}
	return d
}

// replace stops one process of a service and starts one of another program in its place.
func (d *deployment) replace(service string, n int, program string) {
	d.t.Helper()
	for _, m := range d.members {
		if m.name == fmt.Sprintf("%s%d", service, n) {
			begin, how := time.Now(), "stopped"
			if d.replaced++; d.harsh && d.replaced%2 == 0 {
				how = "killed"
				m.kill()
			} else {
				m.stop(d.t)
			}
			m.program = program
			m.start(d.t, d.url)
			took := time.Since(begin).Round(time.Millisecond)
			d.t.Logf("%s %s was %s and is now of %s, after %s", time.Now().Format("15:04:05.000"), m.name, how, filepath.Base(program), took)
		}
	}
}

// populate has agents run on the hosts, and gives the people money.
func (d *deployment) populate(l *load) {
	self, err := os.Executable()
	if err != nil {
		d.t.Fatal(err)
	}
	c := l.as["operator"]
	start := func(spec api.AgentSpec) {
		natstest.Eventually(d.t, patience, func() bool {
			a, err := c.Agents.Start(d.t.Context(), api.AgentStartRequest{Agent: &spec})
			return err == nil && a.Status == api.AgentRunning
		}, "%s runs", spec.ID)
	}
	for n := range counters {
		start(api.AgentSpec{ID: fmt.Sprintf("counter%d", n), Capabilities: []string{"count"}, Command: []string{self}, Env: map[string]string{chaos.EnvRole: chaos.RoleAgent}})
	}
	for n := range 2 {
		start(api.AgentSpec{ID: fmt.Sprintf("voter%d", n), Command: []string{"sh", "-c", voter}})
	}
	if _, err := sure(d.t.Context(), l, "gold", func(ctx context.Context) (*api.Asset, error) { return c.Ledger.CreateAsset(ctx, "gold", "") }); err != nil {
		d.t.Fatal(err)
	}
	for _, to := range []api.AccountID{api.Account("ann", "", ""), api.Account("bob", "", ""), api.Account("seller", "", "gold")} {
		if _, err := sure(d.t.Context(), l, "mint", func(ctx context.Context) (*api.LedgerAccount, error) {
			return c.Ledger.Mint(ctx, api.MintRequest{To: to, Amount: minted})
		}); err != nil {
			d.t.Fatal(err)
		}
	}
}

// voter says yes to whatever it is asked.
const voter = `while IFS= read -r line; do
case $line in '{"type":"message"'*) ;; *) continue ;; esac
id=${line#*\"id\":\"}; id=${id%%\"*}
printf '{"type":"result","id":"%s","payload":"yes"}\n' "$id"
done`

// settle lets everything be done a few times more.
func (d *deployment) settle(l *load) {
	d.t.Helper()
	l.mu.Lock()
	before := map[string]int{}
	for what, n := range l.done {
		before[what] = n
	}
	l.mu.Unlock()
	for _, what := range []string{"registry", "counter", "lock", "task", "message", "completed session", "variable", "transfer", "auction", "metric", "event", "pick", "command"} {
		natstest.Eventually(d.t, patience+l.answered, func() bool { return d.t.Failed() || l.rounds(what) >= before[what]+2 }, "there is more of: %s", what)
	}
}
