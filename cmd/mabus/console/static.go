package console

import (
	"embed"
	"net/http"
	"path"
	"strings"
)

//go:embed web
var web embed.FS

var kinds = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// static serves the files of the page.
func static() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		if name == "" {
			name = "index.html"
		}
		kind := kinds[path.Ext(name)]
		data, err := web.ReadFile("web/" + name)
		if err != nil || kind == "" {
			http.Error(w, "there is no such page; the console begins at /", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(data) // whoever has gone does not need it
	})
}
