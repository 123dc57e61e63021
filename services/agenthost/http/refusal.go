package http

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	nethttp "net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

const (
	maxText       = 2 << 10  // of what an error repeats of the endpoint's words, in bytes
	maxRefusal    = 64 << 10 // of what is read of an answer with an error status, in bytes
	maxRetryAfter = 24 * time.Hour
	refusalWait   = time.Second // for the words of a refusal: its status says enough, and who waits for it obeys no Retry-After
)

// refusal is an error that the endpoint answered with, so it is known to have done nothing that costs.
type refusal struct {
	err   *api.Error
	after time.Duration // how long it asks to be left alone
}

func (r *refusal) Error() string { return r.err.Error() }

// refuse explains an answer whose status is no success.
func (c *call) refuse(resp *nethttp.Response) error {
	late := time.AfterFunc(refusalWait, func() { _ = resp.Body.Close() })
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal)) // what came of it is better than nothing
	late.Stop()
	said := c.said(body)
	if resp.StatusCode/100 == 3 {
		said = "it redirects, which is not followed"
		if to, err := url.Parse(resp.Header.Get("Location")); err == nil && to.Host != "" {
			said = c.clean(fmt.Sprintf("it redirects to %s://%s%s: if that is right, name it in http.url", to.Scheme, to.Host, to.Path), maxText)
		}
	}
	return refusedWith(resp.StatusCode, retryAfter(resp.Header.Get("Retry-After"), time.Now()), said)
}

// refusedWith sorts a status by what the caller can do about it.
func refusedWith(status int, after time.Duration, said string) *refusal {
	code, reason, maybe := api.FailedPrecondition, api.ReasonEndpointError, false
	switch status {
	case nethttp.StatusTooManyRequests:
		code, reason = api.RateLimited, api.ReasonRateLimit
	case nethttp.StatusUnauthorized, nethttp.StatusForbidden:
		code = api.PermissionDenied
	case nethttp.StatusServiceUnavailable, nethttp.StatusTooEarly:
		code = api.Unavailable
	case nethttp.StatusNotImplemented, nethttp.StatusHTTPVersionNotSupported:
	case nethttp.StatusRequestTimeout:
		code, maybe = api.Unavailable, true
	default:
		if status >= 500 {
			code, maybe = api.Unavailable, true
		}
	}
	what := strings.TrimSpace(strconv.Itoa(status) + " " + nethttp.StatusText(status))
	e := api.Errorf(code, "the endpoint answered %s: %s", what, said).WithReason(reason)
	if code != api.RateLimited && code != api.Unavailable {
		after = 0
	}
	e.Details.RetryAfter, e.Details.MaybeExecuted = api.Duration(after), maybe
	return &refusal{e, after}
}

// failed explains an error that came with a status of success: one with a status of its own that came before anything else
// is a refusal, any other breaks the answer off.
func (c *call) failed(raw json.RawMessage, first bool) error {
	var e struct {
		Code json.RawMessage `json:"code"`
	}
	_ = codec.Read(raw, &e) // it may as well be a string
	body := append(append([]byte(`{"error":`), raw...), '}')
	if status, err := strconv.Atoi(string(e.Code)); err == nil && first && status >= 400 && status < 600 {
		return refusedWith(status, 0, c.said(body))
	}
	return api.Errorf(api.Unavailable, "the endpoint broke its answer off: %s", c.said(body)).WithReason(api.ReasonEndpointError).MaybeExecuted()
}

// said finds the words in the body of an error: {"error":{"message"}}, {"error"}, {"message"}, {"detail"}, or all of it.
func (c *call) said(body []byte) string {
	var in map[string]json.RawMessage
	if codec.Read(body, &in) == nil {
		for _, field := range []string{"error", "message", "detail"} {
			raw, ok := in[field]
			if !ok {
				continue
			}
			var inner struct {
				Message string `json:"message"`
			}
			var text string
			if codec.Read(raw, &inner) == nil && inner.Message != "" {
				return c.clean(inner.Message, maxText)
			}
			if codec.Read(raw, &text) == nil && text != "" {
				return c.clean(text, maxText)
			}
		}
	}
	if text := c.clean(string(body), maxText); text != "" {
		return text
	}
	return "it did not say why"
}

// quote is the beginning of an answer that makes no sense.
func (c *call) quote(body []byte) string {
	if len(body) == 0 {
		return "empty"
	}
	return strconv.Quote(c.clean(string(body[:min(len(body), maxRefusal)]), 200))
}

// clean makes the endpoint's words fit for an error: short, printable, and without the key, which some endpoints repeat.
func (c *call) clean(s string, most int) string {
	if c.key != "" {
		if plain := html.UnescapeString(s); strings.Contains(plain, c.key) {
			s = plain
		}
		for _, key := range []string{c.key, strings.ReplaceAll(c.key, "/", `\/`), url.QueryEscape(c.key), url.PathEscape(c.key)} {
			s = strings.ReplaceAll(s, key, "[key]")
		}
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s))
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// retryAfter reads the header of that name: seconds, or a date. Nothing and nonsense are zero.
func retryAfter(s string, now time.Time) time.Duration {
	s = strings.TrimSpace(s)
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		if !(n > 0) { // NaN too
			return 0
		}
		return time.Duration(min(n, maxRetryAfter.Seconds()) * float64(time.Second))
	}
	at, err := nethttp.ParseTime(s)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}
