package console

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
)

// policy lets a page use what comes from the console and nothing else: no other host, no inline script or style, no frame.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guarded adds the headers that every answer has, and refuses requests that a page of somebody else may have made.
func (g *Gateway) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if g.local && !localName(r.Host) {
			// A name that somebody else has pointed at this machine (DNS rebinding) is not ours.
			refuse(w, api.Errorf(api.PermissionDenied, "this console answers to localhost and 127.0.0.1 alone, not to %.100q", r.Host))
			return
		}
		if !sameOrigin(r) {
			refuse(w, api.Errorf(api.PermissionDenied, "this console answers no page but its own"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func localName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.IsLoopback()
}

// sameOrigin tells whether a request comes from a page of this console, from the address bar, or from no browser at all.
func sameOrigin(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" && !strings.EqualFold(origin, "http://"+r.Host) {
		return false
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return true
	}
	// A link elsewhere may lead here, but nothing elsewhere may read or write here.
	return r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" && !strings.HasPrefix(r.URL.Path, "/api/")
}

// authorised refuses who does not know the token, if there is one.
func (g *Gateway) authorised(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.token != "" {
			given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
			// Digests have one length, so that the comparison tells nothing of the token's.
			a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(g.token))
			if subtle.ConstantTimeCompare(a[:], b[:]) != 1 || !ok {
				refuse(w, api.Errorf(api.Unauthenticated, "this console needs its token: open the address that it printed when it was started"))
				return
			}
		}
		next(w, r)
	})
}
