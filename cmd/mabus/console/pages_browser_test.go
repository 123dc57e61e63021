package console_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/mabus-project/mabus/cmd/mabus/console"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// populate gives the pages something to show.
func populate(t *testing.T, r *rig) {
	t.Helper()
	for i := range 6 {
		r.start(t, fmt.Sprintf("echo-%d", i+1), "echo", "echo", "translate")
	}
	r.start(t, "writer-1", "asker", "write")
	if _, err := r.Agents.Register(within(t), api.AgentSpec{ID: "sensor-1", Type: "sensor", Capabilities: []string{"measure"}}); err != nil {
		t.Fatal(err)
	}
	for _, to := range []api.AgentTransitionRequest{{Status: api.AgentRunning}, {Status: api.AgentFailed, Reason: "no_signal: the sensor does not answer"}} {
		to.ID = "sensor-1"
		if _, err := r.Agents.Transition(within(t), to); err != nil {
			t.Fatal(err)
		}
	}
	r.task(t, "draft-1", "write")
	for i := range 8 {
		if _, err := r.Tasks.Submit(within(t), api.TaskSpec{Job: "release", Name: fmt.Sprintf("chapter-%d.md", i+1), Capability: "echo", Payload: []byte(`{"text":"hello"}`)}); err != nil {
			t.Fatal(err)
		}
	}
	r.asks(t, "draft-1")
	r.auction(t, "gpu-hours", "seller", "ann", "bob", "carol")
	if _, err := r.as(t, "ann").Auctions.Bid(within(t), "gpu-hours", 3_000_000); err != nil {
		t.Fatal(err)
	}
	if _, err := r.as(t, "bob").Auctions.Create(within(t), api.AuctionSpec{ID: "night-slots", Type: api.AuctionVickrey, Category: "compute", Item: []byte(`"nights on the big machine"`)}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.as(t, "seller").Markets.Create(within(t), api.MarketSpec{ID: "green", Name: "Is the release green on Friday?", Type: api.MarketPrediction, Outcomes: []string{"yes", "no"}, Liquidity: 10_000_000}); err != nil {
		t.Fatal(err)
	}
}

// Every page in a real browser: what is there, what changes without a reload, by mouse, by keys, wide and narrow, light and dark.
func TestInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes seconds: not in short mode")
	}
	if findChromium() == "" {
		t.Skip("no Chromium is installed here (chromium, chromium-browser, google-chrome or headless-shell): the pages are not tried in a browser")
	}
	t.Parallel()
	r := newRig(t)
	populate(t, r)
	g := r.serve(t, console.Config{Write: true})
	c := open(t, g.URL())
	c.step(t, "fleet", func(t *testing.T) {
		c.shows("#agents tbody th", "echo-6")
		c.shows("#hosts tbody tr", "live")
		c.shows("#services tbody tr", "economics")
		c.shows(".link", "live")
		c.until(`!location.href.includes("token")`)
		r.start(t, "late-comer", "echo", "echo")
		c.shows("#agents tbody th", "late-comer")
		c.flawless()
	})
	c.step(t, "keys", func(t *testing.T) {
		c.keys("/")
		if got := c.focused(); got != "filter" {
			t.Errorf("/ leads to %q", got)
		}
		c.keys("c", "o", "m", "e", "r")
		c.until(`document.querySelectorAll("#agents tbody tr").length === 1`)
		c.keys(kb.Escape)
		c.until(`document.querySelectorAll("#agents tbody tr").length === 9`)
		c.keys("?")
		c.until(`document.getElementById("help").open`)
		c.keys(kb.Escape)
		c.until(`!document.getElementById("help").open`)
		c.run(chromedp.Focus(`#agents tbody tr[tabindex="0"]`))
		c.keys(kb.Home)
		first := c.focused()
		c.keys(kb.ArrowDown, kb.ArrowDown, kb.ArrowUp)
		second := eval[string](c, `document.querySelector("#agents tbody tr:nth-child(2) th").textContent`)
		if got := c.focused(); got != second || got == first {
			t.Errorf("the arrow keys lead to %q, want %q", got, second)
		}
		c.keys(kb.Enter)
		c.until(`document.querySelector("#detail h2")?.textContent.includes("` + second + `") && document.activeElement === document.querySelector("#detail h2")`)
		c.shows("#detail dl", "Handled")
		c.keys(kb.Escape)
		c.until(`document.getElementById("detail").hidden`)
		if got := c.focused(); got != second {
			t.Errorf("after the details %q has the focus, want %q", got, second)
		}
		for i, title := range []string{"Fleet", "Jobs", "Market", "Events"} {
			c.keys(fmt.Sprint(i + 1))
			c.shows("h1", title)
		}
		c.flawless()
	})
	c.step(t, "jobs", func(t *testing.T) {
		c.keys("2")
		c.shows("#asks-section .asked", "May the draft be published?")
		c.shows("#groups tbody tr", "release")
		c.shows("nav .badge", "1")
		c.shoot("console-jobs")
		c.run(chromedp.Click(`#tasks tbody th a`))
		c.shows("#parts tbody", "three of nine files")
		c.fits("a task beside the page")
		c.shoot("console-task")
		c.run(chromedp.SendKeys("#asks-section textarea", "only on Friday"), chromedp.Click("#asks-section form button"))
		c.until(`document.getElementById("asks-section").hidden`)
		c.shows("#detail pre", "only on Friday")
		c.shows("#outcomes tbody th", "draft-1")
		c.keys(kb.Escape)
		c.flawless()
	})
	c.step(t, "market", func(t *testing.T) {
		c.keys("3")
		c.shows("#auctions tbody tr", "gpu-hours")
		if _, err := r.as(t, "carol").Auctions.Bid(within(t), "gpu-hours", 7_250_000); err != nil {
			t.Fatal(err)
		}
		c.shows("#auctions tbody tr", "7.25")
		c.shows("#auctions tbody tr", "carol")
		c.shows("#supply tbody tr", "agrees")
		c.shows("#accounts tbody tr", "carol/main/credit")
		c.do(`document.querySelector('#auctions a[href$="gpu-hours"]').click()`)
		c.shows("#bids tbody tr", "carol")
		c.keys(kb.Escape)
		c.flawless()
	})
	c.step(t, "events", func(t *testing.T) {
		c.keys("4")
		c.shows("#events tbody tr", "late-comer")
		r.start(t, "seen-live", "echo", "echo")
		c.shows("#events tbody tr", "seen-live")
		evil := `test.<img src=x onerror="document.title='owned'">`
		body, err := codec.Marshal(api.Event{SpecVersion: "1.0", ID: "evil", Source: "/test", Type: evil, Subject: "<script>1</script>", Time: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Conn().JS.Publish(within(t), api.EventSubject("mabus", "test", "things", "evil"), body); err != nil {
			t.Fatal(err)
		}
		c.shows("#events tbody tr", evil) // as a text
		c.until(`document.querySelector("main img, main script") === null && document.title.startsWith("Events")`)
		c.do(`[...document.querySelectorAll("#events tbody tr")].find((e) => e.textContent.includes("seen-live")).querySelector("th a").click()`)
		c.shows("#detail pre", "status")
		c.keys(kb.Escape)
		c.flawless()
	})
	c.step(t, "actions", func(t *testing.T) {
		c.do(`location.hash = "#/fleet/agent/late-comer"`)
		c.run(chromedp.Click(`//aside//button[text()="Stop"]`), chromedp.Click(`//dialog[@open]//button[text()="Yes"]`))
		c.shows("#detail dd", "stopped")
		c.keys(kb.Escape)
		c.flawless()
	})
	c.step(t, "looks", func(t *testing.T) {
		for _, scheme := range []string{"light", "dark"} {
			for page := range 4 {
				name := []string{"fleet", "jobs", "market", "events"}[page]
				c.look(1280, 800, scheme)
				c.keys(fmt.Sprint(page + 1))
				c.until(`document.querySelectorAll("main tbody tr").length > 0 && document.querySelectorAll(".stale").length === 0`)
				c.fits(name + " on a desk")
				c.shoot(fmt.Sprintf("console-%s-%s", name, scheme))
				if ratio, where := c.contrast(); ratio < 4.5 {
					t.Errorf("%s, %s: the contrast is %.2f at %s", name, scheme, ratio, where)
				}
				c.look(360, 740, scheme)
				c.fits(name + " on a phone")
				c.shoot(fmt.Sprintf("console-%s-%s-phone", name, scheme))
			}
			c.do(`location.hash = "#/market/auction/gpu-hours"`)
			c.shows("#bids tbody tr", "carol")
			c.fits("details on a phone")
			c.shoot("console-auction-" + scheme + "-phone")
			c.keys(kb.Escape)
		}
		c.flawless()
	})
	c.step(t, "outage", func(t *testing.T) {
		c.look(1280, 800, "light")
		c.keys("1")
		c.until(`document.querySelectorAll("#agents tbody tr").length === 10 && document.getElementById("banner").hidden`)
		r.srv.Stop()
		c.shows("#banner", "does not reach NATS")
		c.until(`document.getElementById("agents").classList.contains("stale") && document.querySelectorAll("#agents tbody tr").length === 10`)
		c.shows("#agents .age", "as of")
		c.shoot("console-outage")
		r.srv.Restart(t)
		c.until(`document.getElementById("banner").hidden && document.querySelectorAll(".stale").length === 0`)
		if err := g.Stop(within(t)); err != nil {
			t.Fatal(err)
		}
		c.shows("#banner", "Not connected to the console")
		c.shows(".link", "disconnected")
	})
}
