// Package export holds the pure rules of the texts that metrics are exported as.
package export

import (
	"encoding/csv"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Write returns the text of some series and its content type: invalid (unsupported_format) for a format that there is none of.
func Write(format api.ExportFormat, list []api.MetricSummary) (text, contentType string, err error) {
	switch format {
	case api.ExportJSON:
		body, err := codec.Marshal(list)
		return string(body), "application/json", err
	case api.ExportCSV:
		text, err = writeCSV(list)
		return text, "text/csv; charset=utf-8; header=present", err
	case api.ExportPrometheus:
		return writePrometheus(list, false), "text/plain; version=0.0.4; charset=utf-8", nil
	case api.ExportOpenMetrics:
		return writePrometheus(list, true), "application/openmetrics-text; version=1.0.0; charset=utf-8", nil
	}
	return "", "", api.Errorf(api.Invalid, "format must be one of %v", api.ExportFormats).WithReason(api.ReasonUnsupportedFormat).WithFields("format")
}

// writeCSV writes a line for each series, as RFC 4180 has it. A figure that there is none of is an empty field.
func writeCSV(list []api.MetricSummary) (string, error) {
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	line := []string{"scope", "metric", "kind", "id", "type", "host"}
	for _, stat := range api.Statistics {
		line = append(line, string(stat))
	}
	if err := w.Write(append(line, "last")); err != nil {
		return "", err
	}
	for i := range list {
		m := &list[i]
		line = append(line[:0], string(m.Scope), m.Metric, string(m.Kind), m.ID, m.Type, m.Host)
		for _, stat := range api.Statistics {
			field := ""
			if v, ok := m.Stat(stat); ok {
				field = v.String()
			}
			line = append(line, field)
		}
		if err := w.Write(append(line, m.Last.Format("2006-01-02T15:04:05Z"))); err != nil {
			return "", err
		}
	}
	w.Flush()
	return b.String(), w.Error()
}
