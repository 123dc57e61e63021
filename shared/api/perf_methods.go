package api

// The methods of services/perfmon about metrics.
var (
	DeltasAdd = Method[DeltaAddRequest, Empty]{
		Service: "perfmon", Noun: "deltas", Verb: "add", Write: true, OneWay: true,
		Doc: "Takes what a source has measured since its last delta, and answers when it is in the log; sources do not wait for that. A delta that was taken before is taken for that one. Refused with invalid_sketch, too_many_series; nothing of a refused delta counts.",
	}
	MetricsRecord = Method[RecordRequest, RecordResponse]{
		Service: "perfmon", Noun: "metrics", Verb: "record", Write: true, OneWay: true,
		Doc: "Records one sample, or up to 1,000, of anybody's own series. With a reply subject it is answered when the samples are in the log; as a plain publication it is taken without a word. What is sent twice counts twice: a request id does not change that. Refused with too_many_series; nothing of a refused request counts.",
	}
	MetricsCurrent = Method[MetricsCurrentRequest, MetricsListResponse]{
		Service: "perfmon", Noun: "metrics", Verb: "current",
		Doc: "Returns what the last 5 seconds have measured of the series that the request selects, in the order of their names, a page at a time.",
	}
	MetricsWindow = Method[MetricsWindowRequest, MetricsListResponse]{
		Service: "perfmon", Noun: "metrics", Verb: "window",
		Doc: "Returns count, rate, errors, mean, extremes and percentiles of a time, of the series that the request selects, in the order of their names, a page at a time. Refused with query_too_large.",
	}
	MetricsPercentiles = Method[MetricsPercentilesRequest, MetricsPercentilesResponse]{
		Service: "perfmon", Noun: "metrics", Verb: "percentiles",
		Doc: "Returns any quantiles of one series over a time, within 1 %. Refused with series_not_found, query_too_large.",
	}
	MetricsTop = Method[MetricsTopRequest, MetricsTopResponse]{
		Service: "perfmon", Noun: "metrics", Verb: "top",
		Doc: "Returns the sources that lead by a statistic of a metric over a time, the first first. Refused with query_too_large.",
	}
	MetricsCompare = Method[MetricsCompareRequest, MetricsCompareResponse]{
		Service: "perfmon", Noun: "metrics", Verb: "compare",
		Doc: "Sets two series, or one at two times, side by side, with the absolute and relative difference of each statistic. Refused with series_not_found, query_too_large.",
	}
	MetricsHistory = Method[MetricsHistoryRequest, MetricsHistoryResponse]{
		Service: "perfmon", Noun: "metrics", Verb: "history",
		Doc: "Returns one series in steps, the newest first: of seconds for an hour and of minutes for a day, as far as memory goes. A step without samples is left out. Refused with series_not_found, query_too_large.",
	}
	MetricsExport = Method[MetricsExportRequest, MetricsExportResponse]{
		Service: "perfmon", Noun: "metrics", Verb: "export",
		Doc: "Returns what a time has measured as text: json, csv (RFC 4180), prometheus (text format 0.0.4) or openmetrics (1.0). Refused with unsupported_format, query_too_large.",
	}
	MetricsSources = Method[MetricsSourcesRequest, MetricsSourcesResponse]{
		Service: "perfmon", Noun: "metrics", Verb: "sources",
		Doc: "Returns who has sent deltas within the last hour, how far, and what was lost of them, in the order of their names, a page at a time.",
	}
	MetricsStats = Method[MetricsStatsRequest, MetricsStatsResponse]{
		Service: "perfmon", Noun: "metrics", Verb: "stats",
		Doc: "Returns how the sources of a kind do as a whole, each figure over those that have reported it, and what this replica holds.",
	}
)

var perfMethods = []Descriptor{
	DeltasAdd.Describe(), MetricsRecord.Describe(), MetricsCurrent.Describe(), MetricsWindow.Describe(), MetricsPercentiles.Describe(),
	MetricsTop.Describe(), MetricsCompare.Describe(), MetricsHistory.Describe(), MetricsExport.Describe(), MetricsSources.Describe(),
	MetricsStats.Describe(),
}
