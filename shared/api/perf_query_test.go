package api_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

func TestMetricRequestsAreChecked(t *testing.T) {
	v, bad, huge := api.Measure(1), api.Measure(-1), api.Measure(1e16)
	nan := api.Measure(math.NaN())
	hour := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	record := api.MetricRecord{Metric: "m", ID: "a", Value: &v}
	one := api.MetricSelector{Metric: "m", ID: "a"}
	for name, c := range map[string]struct {
		request api.Validator
		field   string // the first that is named; none if it is right
	}{
		"record":                {&api.RecordRequest{MetricRecord: record}, ""},
		"records":               {&api.RecordRequest{Records: []api.MetricRecord{record}}, ""},
		"record and records":    {&api.RecordRequest{MetricRecord: record, Records: []api.MetricRecord{record}}, "records"},
		"too many records":      {&api.RecordRequest{Records: make([]api.MetricRecord, api.MaxRecords+1)}, "records"},
		"a bad one among them":  {&api.RecordRequest{Records: []api.MetricRecord{record, {Metric: "m", ID: "a", Value: &bad}}}, "/records/1"},
		"no value":              {&api.RecordRequest{MetricRecord: api.MetricRecord{Metric: "m", ID: "a"}}, "value"},
		"negative":              {&api.RecordRequest{MetricRecord: api.MetricRecord{Metric: "m", ID: "a", Value: &bad}}, "value"},
		"huge":                  {&api.RecordRequest{MetricRecord: api.MetricRecord{Metric: "m", ID: "a", Value: &huge}}, "value"},
		"not a number":          {&api.RecordRequest{MetricRecord: api.MetricRecord{Metric: "m", ID: "a", Value: &nan}}, "value"},
		"negative count":        {&api.RecordRequest{MetricRecord: api.MetricRecord{Metric: "m", ID: "a", Value: &v, Count: -1}}, "count"},
		"huge count":            {&api.RecordRequest{MetricRecord: api.MetricRecord{Metric: "m", ID: "a", Value: &v, Count: api.MaxRecordCount + 1}}, "count"},
		"everything":            {&api.MetricsWindowRequest{}, ""},
		"id of a fleet":         {&api.MetricsWindowRequest{MetricSelector: api.MetricSelector{Scope: api.MetricsOfFleet, ID: "a"}}, "id"},
		"host of a type":        {&api.MetricsWindowRequest{MetricSelector: api.MetricSelector{Scope: api.MetricsOfType, Host: "a"}}, "host"},
		"type of a host":        {&api.MetricsWindowRequest{MetricSelector: api.MetricSelector{Scope: api.MetricsOfHost, Type: "a"}}, "type"},
		"unknown scope":         {&api.MetricsWindowRequest{MetricSelector: api.MetricSelector{Scope: "all"}}, "scope"},
		"unknown kind":          {&api.MetricsCurrentRequest{MetricSelector: api.MetricSelector{Kind: "robot"}}, "kind"},
		"bad metric":            {&api.MetricsCurrentRequest{MetricSelector: api.MetricSelector{Metric: "M"}}, "metric"},
		"limit":                 {&api.MetricsCurrentRequest{Limit: -1}, "limit"},
		"a day":                 {&api.MetricsWindowRequest{MetricTime: api.MetricTime{Last: api.Duration(24 * time.Hour)}}, ""},
		"more than a day":       {&api.MetricsWindowRequest{MetricTime: api.MetricTime{Last: api.Duration(24*time.Hour + 1)}}, "last"},
		"less than a second":    {&api.MetricsWindowRequest{MetricTime: api.MetricTime{Last: 1}}, "last"},
		"negative time":         {&api.MetricsWindowRequest{MetricTime: api.MetricTime{Last: -1}}, "last"},
		"from alone":            {&api.MetricsWindowRequest{MetricTime: api.MetricTime{From: hour}}, "from"},
		"from and to":           {&api.MetricsWindowRequest{MetricTime: api.MetricTime{From: hour, To: hour.Add(time.Hour)}}, ""},
		"backwards":             {&api.MetricsWindowRequest{MetricTime: api.MetricTime{From: hour, To: hour.Add(-time.Hour)}}, "to"},
		"of two kinds":          {&api.MetricsWindowRequest{MetricTime: api.MetricTime{From: hour, To: hour.Add(time.Hour), Last: api.Duration(time.Hour)}}, "last"},
		"percentiles":           {&api.MetricsPercentilesRequest{MetricSelector: one, Quantiles: []api.Measure{0, 0.5, 1}}, ""},
		"no quantile":           {&api.MetricsPercentilesRequest{MetricSelector: one}, "quantiles"},
		"a quantile above 1":    {&api.MetricsPercentilesRequest{MetricSelector: one, Quantiles: []api.Measure{99}}, "quantiles"},
		"a quantile that is no": {&api.MetricsPercentilesRequest{MetricSelector: one, Quantiles: []api.Measure{nan}}, "quantiles"},
		"percentiles of many":   {&api.MetricsPercentilesRequest{MetricSelector: api.MetricSelector{Metric: "m"}, Quantiles: []api.Measure{1}}, "id"},
		"top of nothing":        {&api.MetricsTopRequest{}, "metric"},
		"top by nothing":        {&api.MetricsTopRequest{MetricSelector: one, By: "best"}, "by"},
		"compare":               {&api.MetricsCompareRequest{A: api.MetricSide{MetricSelector: one}, B: api.MetricSide{MetricSelector: one}}, ""},
		"compare with nothing":  {&api.MetricsCompareRequest{A: api.MetricSide{MetricSelector: one}}, "metric"},
		"a type without one":    {&api.MetricsHistoryRequest{MetricSelector: api.MetricSelector{Metric: "m", Scope: api.MetricsOfType}}, "type"},
		"a host without one":    {&api.MetricsHistoryRequest{MetricSelector: api.MetricSelector{Metric: "m", Scope: api.MetricsOfHost}}, "host"},
		"a fleet":               {&api.MetricsHistoryRequest{MetricSelector: api.MetricSelector{Metric: "m", Scope: api.MetricsOfFleet}}, ""},
		"half a second":         {&api.MetricsHistoryRequest{MetricSelector: one, Step: api.Duration(time.Second / 2)}, "step"},
		"too many points":       {&api.MetricsHistoryRequest{MetricSelector: one, Limit: api.MaxMetricPoints + 1}, "limit"},
		"an unknown format":     {&api.MetricsExportRequest{Format: "xml"}, "format"},
		"sources":               {&api.MetricsSourcesRequest{Limit: api.MaxPage + 1}, "limit"},
		"stats":                 {&api.MetricsStatsRequest{Kind: "robot"}, "kind"},
	} {
		err := c.request.Validate()
		if c.field == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		e := api.AsError(err)
		if e == nil || e.Code != api.Invalid || len(e.Details.Fields) == 0 || e.Details.Fields[0] != c.field || strings.TrimSpace(e.Message) == "" {
			t.Errorf("%s: got %v, want an error that names %s", name, err, c.field)
		}
	}
}

func TestAStatisticIsThereWhenItWasMeasured(t *testing.T) {
	share := api.Measure(0)
	with := api.MetricSummary{Count: 1, ErrorShare: &share}
	for _, stat := range api.Statistics {
		if _, ok := with.Stat(stat); !ok {
			t.Errorf("there is no %s", stat)
		}
		_, ok := (&api.MetricSummary{}).Stat(stat)
		if counts := stat == api.StatCount || stat == api.StatRate || stat == api.StatSum; ok != counts {
			t.Errorf("without samples, %s is there: %v", stat, ok)
		}
	}
	if _, ok := with.Stat("best"); ok {
		t.Error("there is a best")
	}
}
