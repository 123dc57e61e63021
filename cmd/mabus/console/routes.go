package console

import (
	"context"
	"net/http"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// handler has all routes. Those that change something are there only if that is allowed.
func (g *Gateway) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /", static())
	mux.Handle("GET /api/snapshot/{page}", g.seated(g.snapshot))
	mux.Handle("GET /api/stream/{page}", g.seated(g.stream))
	if g.cfg.Write {
		mux.Handle("POST /api/actions/{action}", g.authorised(g.act))
	}
	return g.guarded(mux)
}

// seated lets in who has the token, if there is one, and as many as there are seats.
func (g *Gateway) seated(next http.HandlerFunc) http.Handler {
	return g.authorised(func(w http.ResponseWriter, r *http.Request) {
		select {
		case g.seats <- struct{}{}:
			defer func() { <-g.seats }()
			next(w, r)
		default:
			refuse(w, api.Errorf(api.Overloaded, "%d pages of this console are open already: close some, or open another console with `mabus console`", MaxBrowsers))
		}
	})
}

// snapshot answers with a page as it stands, once every table of it was read.
func (g *Gateway) snapshot(w http.ResponseWriter, r *http.Request) {
	h, err := g.join(r.PathValue("page"), r.URL.Query().Get("id"))
	if err != nil {
		refuse(w, err)
		return
	}
	defer g.leave(h)
	ctx, cancel := context.WithTimeout(r.Context(), readTimeout+time.Second)
	defer cancel()
	select {
	case <-h.loaded:
	case <-ctx.Done():
	}
	h.mu.Lock()
	m := h.snapshot()
	h.mu.Unlock()
	answer(w, http.StatusOK, m)
}

// stream sends a page as it stands and then what changes, until the browser goes or falls behind.
func (g *Gateway) stream(w http.ResponseWriter, r *http.Request) {
	h, err := g.join(r.PathValue("page"), r.URL.Query().Get("id"))
	if err != nil {
		refuse(w, err)
		return
	}
	defer g.leave(h)
	v := h.watch()
	defer h.unwatch(v)
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	out := http.NewResponseController(w)
	if err := out.SetReadDeadline(time.Time{}); err != nil {
		return
	}
	for {
		select {
		case <-r.Context().Done():
			return
		case frame, ok := <-v.frames:
			if !ok || out.SetWriteDeadline(time.Now().Add(writeTimeout)) != nil {
				return
			}
			if _, err := w.Write(frame); err != nil || out.Flush() != nil {
				return
			}
		}
	}
}

// refuse answers with an error in the form that services have.
func refuse(w http.ResponseWriter, err error) {
	e := shown(err)
	answer(w, statusOf(e.Code), e)
}

func answer(w http.ResponseWriter, status int, body any) {
	data, err := codec.Marshal(body)
	if err != nil {
		status, data = http.StatusInternalServerError, []byte(`{"code":"internal","message":"the answer cannot be written"}`)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(data) // whoever has gone does not need it
}

// statusOf is the HTTP status that says the same as a code.
func statusOf(code api.Code) int {
	switch code {
	case api.Invalid:
		return http.StatusBadRequest
	case api.Unauthenticated:
		return http.StatusUnauthorized
	case api.PermissionDenied:
		return http.StatusForbidden
	case api.NotFound:
		return http.StatusNotFound
	case api.Conflict, api.Fenced:
		return http.StatusConflict
	case api.FailedPrecondition:
		return http.StatusPreconditionFailed
	case api.RateLimited:
		return http.StatusTooManyRequests
	case api.Overloaded, api.Unavailable, api.Cancelled:
		return http.StatusServiceUnavailable
	case api.DeadlineExceeded:
		return http.StatusGatewayTimeout
	case api.Unimplemented:
		return http.StatusNotImplemented
	}
	return http.StatusInternalServerError
}
