package export_test

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/mabus-project/mabus/services/perfmon/export"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func list() []api.MetricSummary {
	share := api.Measure(0.25)
	return []api.MetricSummary{
		{Scope: api.MetricsOfSource, Series: api.Series{Metric: "latency_seconds", Kind: api.SourceAgent, ID: "a1", Type: "echo", Host: "h1"}, Count: 4, Sum: 2, Mean: 0.5, Min: 0.1, Max: 1, P50: 0.5, P90: 0.9, P95: 0.95, P99: 0.99, P999: 1, Errors: 1, ErrorShare: &share},
		{Scope: api.MetricsOfFleet, Series: api.Series{Metric: "memory_bytes", Kind: api.SourceHost}, Count: 1, Sum: 1e9, Mean: 1e9, Min: 1e9, Max: 1e9, P50: 1e9, P90: 1e9, P95: 1e9, P99: 1e9, P999: 1e9},
		{Scope: api.MetricsOfSource, Series: api.Series{Metric: "latency_seconds", Kind: api.SourceAgent, ID: "a2"}, Count: 1, Sum: 1, Mean: 1, Min: 1, Max: 1, P50: 1, P90: 1, P95: 1, P99: 1, P999: 1},
		{Scope: api.MetricsOfSource, Series: api.Series{Metric: "latency_seconds.agents.get", Kind: api.SourceService, ID: `odd",id` + "\n\\"}, Count: 1},
	}
}

func TestJSONReadsBack(t *testing.T) {
	text, contentType, err := export.Write(api.ExportJSON, list())
	if err != nil || contentType != "application/json" {
		t.Fatal(contentType, err)
	}
	var back []api.MetricSummary
	if err := codec.Read([]byte(text), &back); err != nil || len(back) != 4 || back[0].P99 != 0.99 || *back[0].ErrorShare != 0.25 {
		t.Errorf("%v %+v", err, back)
	}
}

func TestCSVReadsBack(t *testing.T) {
	text, _, err := export.Write(api.ExportCSV, list())
	if err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(lines) != 5 || !strings.Contains(text, "\r\n") {
		t.Fatal(err, len(lines))
	}
	column := map[string]int{}
	for i, name := range lines[0] {
		column[name] = i
	}
	for _, c := range []struct {
		line       int
		name, want string
	}{{1, "id", "a1"}, {1, "p99", "0.99"}, {1, "error_share", "0.25"}, {3, "error_share", ""}, {2, "id", ""}, {2, "max", "1000000000"}, {4, "id", `odd",id` + "\n\\"}} {
		if got := lines[c.line][column[c.name]]; got != c.want {
			t.Errorf("%s in line %d is %q, want %q", c.name, c.line, got, c.want)
		}
	}
}

func TestPrometheusReadsIt(t *testing.T) {
	text, contentType, err := export.Write(api.ExportPrometheus, list())
	if err != nil || !strings.HasPrefix(contentType, "text/plain; version=0.0.4") {
		t.Fatal(contentType, err)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	f := families["mabus_latency_seconds"]
	if len(families) != 3 || f == nil || len(f.Metric) != 2 || f.Metric[0].Summary.GetSampleCount() != 4 || f.Metric[0].Summary.GetSampleSum() != 2 {
		t.Fatalf("got %v", families)
	}
	for _, q := range f.Metric[0].Summary.Quantile {
		if q.GetQuantile() == 0.99 && q.GetValue() != 0.99 {
			t.Errorf("p99 is %v", q.GetValue())
		}
	}
	odd := families["mabus_latency_seconds:agents:get"].Metric[0]
	found := false
	for _, l := range odd.Label {
		found = found || l.GetName() == "id" && l.GetValue() == `odd",id`+"\n\\"
	}
	if !found {
		t.Errorf("labels %v", odd.Label)
	}
}

func TestOpenMetricsEnds(t *testing.T) {
	text, contentType, err := export.Write(api.ExportOpenMetrics, list())
	if err != nil || !strings.HasSuffix(text, "\n# EOF\n") || !strings.Contains(contentType, "openmetrics-text; version=1.0.0") {
		t.Error(contentType, err, text)
	}
	if strings.Count(text, "# TYPE mabus_latency_seconds summary") != 1 {
		t.Error("the series of a family do not stand together")
	}
}

func TestOtherFormats(t *testing.T) {
	if _, _, err := export.Write("xml", nil); api.ReasonOf(err) != api.ReasonUnsupportedFormat {
		t.Errorf("got %v", err)
	}
}
