package console_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// chromium is a real browser without a screen, and what went wrong in its pages.
type chromium struct {
	t   *testing.T
	ctx context.Context

	begun  bool
	mu     sync.Mutex
	faults []string
}

func findChromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "headless-shell"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// open starts a browser at an address.
func open(t *testing.T, url string) *chromium {
	t.Helper()
	path := findChromium()
	if path == "" {
		t.Skip("no Chromium is installed here (chromium, chromium-browser, google-chrome or headless-shell): the pages are not tried in a browser")
	}
	alloc, endAlloc := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.WSURLReadTimeout(patience))...)
	ctx, endTab := chromedp.NewContext(alloc)
	c := &chromium{t: t, ctx: ctx}
	var reading sync.WaitGroup
	t.Cleanup(func() {
		limit, end := context.WithTimeout(ctx, patience)
		defer end()
		_ = chromedp.Cancel(limit) // waits for the browser's end
		endTab()
		endAlloc()
		reading.Wait()
	})
	messages := chromedp.Console(ctx)
	reading.Go(func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			c.hear(m)
		}
	})
	c.run(chromedp.EmulateViewport(1280, 800), chromedp.Navigate(url))
	return c
}

// hear keeps what the browser complains of.
func (c *chromium) hear(m chromedp.ConsoleMessage) {
	if m.IsException() || m.Type == "error" || m.Type == "warning" {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.faults = append(c.faults, m.String())
	}
}

// step is a subtest, without which the next ones make no sense.
func (c *chromium) step(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	if !t.Run(name, func(t *testing.T) {
		c.t = t
		f(t)
	}) {
		t.FailNow()
	}
	c.t = t
}

// flawless fails the test for every complaint, and forgets them.
func (c *chromium) flawless() {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.faults {
		c.t.Errorf("the browser complains: %s", f)
	}
	c.faults = nil
}

func (c *chromium) run(steps ...chromedp.Action[chromedp.Void]) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	if c.begun {
		defer cancel()
	} else { // the browser lives as long as the context of its first step
		ctx, c.begun = c.ctx, true
		cancel()
	}
	if err := chromedp.Do(ctx, steps...); err != nil {
		c.t.Fatal(err)
	}
}

// eval returns the value of an expression.
func eval[T any](c *chromium, expression string) (v T) {
	c.t.Helper()
	v, err := chromedp.Run(c.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		c.t.Fatalf("%v: %s", err, expression)
	}
	return v
}

// until waits until an expression is true.
func (c *chromium) until(expression string) {
	c.t.Helper()
	_, err := chromedp.Run(c.ctx, chromedp.Poll[bool]("Boolean("+expression+")", chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(patience)))
	if err != nil {
		c.t.Fatalf("%v: %s\nthe page: %s", err, expression, eval[string](c, "document.body.innerText"))
	}
}

// shows waits until a section of the page has a text.
func (c *chromium) shows(selector, text string) {
	c.t.Helper()
	c.until(fmt.Sprintf("[...document.querySelectorAll(%q)].some((e) => e.textContent.includes(%q))", selector, text))
}

// keys presses one key after the other. As with a keyboard, what the page has taken as a command is not typed as well.
func (c *chromium) keys(keys ...string) {
	c.t.Helper()
	for _, k := range keys {
		if utf8.RuneCountInString(k) != 1 || kb.Keys[[]rune(k)[0]] == nil || !kb.Keys[[]rune(k)[0]].Print || k == kb.Enter {
			c.run(chromedp.KeyEvent(k))
			continue
		}
		for _, typ := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeKeyDown, input.DispatchKeyEventTypeKeyUp} {
			text := k
			if typ == input.DispatchKeyEventTypeKeyUp {
				text = ""
			}
			if _, err := chromedp.Call(c.ctx, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: typ, Key: k, Text: text}); err != nil {
				c.t.Fatal(err)
			}
		}
	}
}

// focused is what has the focus, in a form to compare.
func (c *chromium) focused() string {
	return eval[string](c, `(() => { const e = document.activeElement; return e.closest("tr")?.querySelector("th")?.textContent || e.id || e.tagName.toLowerCase() })()`)
}

// look sets the width and the colours, and waits until they hold.
func (c *chromium) look(width, height int64, scheme string) {
	c.t.Helper()
	c.run(chromedp.EmulateViewport(width, height))
	if _, err := chromedp.Call(c.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	}); err != nil {
		c.t.Fatal(err)
	}
	c.until(fmt.Sprintf(`innerWidth === %d && matchMedia("(prefers-color-scheme: %s)").matches`, width, scheme))
}

// do evaluates a statement.
func (c *chromium) do(statement string) {
	c.t.Helper()
	c.run(chromedp.Evaluate[chromedp.Void](statement))
}

// fits fails the test if something is wider than the page.
func (c *chromium) fits(what string) {
	c.t.Helper()
	const wide = `(() => {
		if (document.documentElement.scrollWidth <= innerWidth) return "";
		const out = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".unseen, .skip, thead"));
		return document.documentElement.scrollWidth + " px: " + out.map((e) => e.tagName + "." + e.className + " " + e.textContent.slice(0, 40)).join("; ");
	})()`
	if text := eval[string](c, wide); text != "" {
		c.t.Errorf("%s does not fit the width: %s", what, text)
	}
}

// shoot keeps a picture, in MABUS_SCREENSHOTS if that is set.
func (c *chromium) shoot(name string) {
	c.t.Helper()
	dir := os.Getenv("MABUS_SCREENSHOTS")
	if dir == "" {
		dir = c.t.TempDir()
	}
	png, err := chromedp.Run(c.ctx, chromedp.CaptureScreenshot())
	if err != nil || len(png) < 1000 {
		c.t.Fatalf("the picture %s has %d bytes: %v", name, len(png), err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		c.t.Fatal(err)
	}
}

// contrast is the least contrast of texts against what is behind them (WCAG 2.2, 1.4.3), and where it is.
func (c *chromium) contrast() (ratio float64, where string) {
	c.t.Helper()
	const least = `(() => {
		const rgb = (s) => s.match(/[\d.]+/g).map(Number);
		const lum = (c) => c.slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((a, v, i) => a + v * [0.2126, 0.7152, 0.0722][i], 0);
		const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] !== 0) return c; } return [255, 255, 255]; };
		let worst = [99, ""];
		for (const e of document.querySelectorAll("main *, header *, aside *")) {
			if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) || !e.checkVisibility()) continue;
			const [a, b] = [lum(rgb(getComputedStyle(e).color)), lum(behind(e))];
			const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
			if (ratio < worst[0]) worst = [ratio, e.tagName + "." + e.className + " " + e.textContent.slice(0, 40)];
		}
		return worst[0] + "\n" + worst[1];
	})()`
	text, where, _ := strings.Cut(eval[string](c, least), "\n")
	if _, err := fmt.Sscan(text, &ratio); err != nil {
		c.t.Fatalf("%v: %s", err, text)
	}
	return ratio, where
}
