package job

import "github.com/mabus-project/mabus/shared/api"

// http checks what the wire contract lets pass and a file had better not say: text that is empty, durations of zero and
// amounts in another form. The rest is checkSpec's.
func (c *checker) http(at string, h *api.HTTPSpec) *problem {
	if h == nil {
		return nil
	}
	for _, path := range []string{"/format", "/key_env", "/key", "/model", "/guard/limiter/scope", "/guard/limiter/key"} {
		if s, ok := c.get(at + path); ok && s == "" {
			return c.at(at+path, "must not be empty")
		}
	}
	if p := c.first(
		c.amount(at+"/price_in", h.PriceIn),
		c.amount(at+"/price_out", h.PriceOut),
		c.amount(at+"/price_call", h.PriceCall),
		c.duration(at+"/guard/timeout", h.Guard.Timeout),
	); p != nil {
		return p
	}
	if r := h.Guard.Retry; r != nil {
		if p := c.first(c.duration(at+"/guard/retry/backoff", r.Backoff), c.duration(at+"/guard/retry/max_backoff", r.MaxBackoff)); p != nil {
			return p
		}
	}
	if l := h.Guard.Limiter; l != nil {
		if p := c.duration(at+"/guard/limiter/max_wait", l.MaxWait); p != nil {
			return p
		}
	}
	if b := h.Guard.Breaker; b != nil {
		if p := c.first(
			c.duration(at+"/guard/breaker/window", b.Window),
			c.duration(at+"/guard/breaker/slow", b.Slow),
			c.duration(at+"/guard/breaker/open", b.Open),
		); p != nil {
			return p
		}
	}
	if p := h.Guard.Pool; p != nil {
		return c.duration(at+"/guard/pool/idle_timeout", p.IdleTimeout)
	}
	return nil
}
