package tracing_test

import (
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/mabus-project/mabus/shared/natstest"
)

// span is one that was exported.
type span struct {
	name, id, parent, trace, service string
	kind                             otlp.Span_SpanKind
	attributes                       map[string]string
	links                            []string // ids of spans
	failed                           bool
}

// sink is a collector of OTLP over HTTP on loopback: it keeps what processes send.
type sink struct {
	url   string
	mu    sync.Mutex
	spans []span
}

func newSink(t *testing.T) *sink {
	t.Helper()
	s := &sink{}
	srv := httptest.NewServer(http.HandlerFunc(s.take))
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

func (s *sink) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	req := new(collector.ExportTraceServiceRequest)
	if err == nil {
		err = proto.Unmarshal(body, req)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rs := range req.GetResourceSpans() {
		service := ""
		for _, a := range rs.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				service = a.GetValue().GetStringValue()
			}
		}
		for _, ss := range rs.GetScopeSpans() {
			for _, in := range ss.GetSpans() {
				s.spans = append(s.spans, spanOf(in, service))
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func spanOf(in *otlp.Span, service string) span {
	out := span{
		name: in.GetName(), id: hex.EncodeToString(in.GetSpanId()), parent: hex.EncodeToString(in.GetParentSpanId()),
		trace: hex.EncodeToString(in.GetTraceId()), service: service, kind: in.GetKind(), attributes: map[string]string{},
		failed: in.GetStatus().GetCode() == otlp.Status_STATUS_CODE_ERROR,
	}
	for _, a := range in.GetAttributes() {
		v := a.GetValue()
		switch text := v.GetStringValue(); {
		case text != "":
			out.attributes[a.GetKey()] = text
		case v.GetBoolValue():
			out.attributes[a.GetKey()] = "true"
		default:
			out.attributes[a.GetKey()] = fmt.Sprint(v.GetIntValue())
		}
	}
	for _, l := range in.GetLinks() {
		out.links = append(out.links, hex.EncodeToString(l.GetSpanId()))
	}
	return out
}

// all returns the spans that have come so far.
func (s *sink) all() []span {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.spans)
}

// path waits for spans of the given names, each the parent of the next, and returns them. A name is <service>/<name>.
func (s *sink) path(t *testing.T, root string, names ...string) (found []span) {
	t.Helper()
	natstest.Eventually(t, 20*time.Second, func() bool {
		found = path(s.all(), root, names)
		return found != nil
	}, "no path %q from %s", names, root)
	return found
}

func path(spans []span, parent string, names []string) []span {
	if len(names) == 0 {
		return []span{}
	}
	for _, sp := range spans {
		if sp.parent != parent || sp.service+"/"+sp.name != names[0] {
			continue
		}
		if rest := path(spans, sp.id, names[1:]); rest != nil {
			return append([]span{sp}, rest...)
		}
	}
	return nil
}

// silent is a collector that takes connections and says nothing.
func silent(t *testing.T) (url string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // the connections in its backlog end with it
	return "http://" + l.Addr().String()
}
