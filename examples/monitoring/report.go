package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// report prints what the callers have seen of a part, and what was measured of each agent.
func (p *part) report(out io.Writer, f *fleet) error {
	fmt.Fprintf(out, "%s\n\n", p.name)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "AGENT\tMESSAGES\tSHARE\tP50\tP99\tERRORS")
	line := func(name string, m *api.MetricSummary) {
		errors := api.Measure(0)
		if m.ErrorShare != nil {
			errors = *m.ErrorShare
		}
		fmt.Fprintf(w, "%s\t%d\t%.1f %%\t%s\t%s\t%.1f %%\n", name, m.Count, percent(m.Count, p.all.Count), inTime(m.P50), inTime(m.P99), 100*errors)
	}
	for _, m := range members {
		if i := slices.IndexFunc(p.agents, func(s api.MetricSummary) bool { return f.Name(s.ID) == m.name }); i >= 0 {
			line(m.name, &p.agents[i])
		}
	}
	line("all", &p.all)
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\ncallers    %.0f a second, half of them within %s, 99 %% within %s; %.1f %% failed\nmeasured   %d of %d messages; %d deltas lost\n\n",
		float64(p.asked)/p.took.Seconds(), round(p.p50), round(p.p99), percent(p.failed, p.asked), p.all.Count, p.asked, p.status.LostIntervals)
	return err
}

// share is the part of the messages that an agent got, in percent.
func (p *part) share(f *fleet, name string) float64 {
	for i := range p.agents {
		if f.Name(p.agents[i].ID) == name {
			return percent(p.agents[i].Count, p.all.Count)
		}
	}
	return 0
}

func percent[T int | uint64](part, all T) float64 { return 100 * float64(part) / float64(max(all, 1)) }

func inTime(seconds api.Measure) time.Duration {
	return round(time.Duration(float64(seconds) * float64(time.Second)))
}

func round(d time.Duration) time.Duration {
	if d > 10*time.Millisecond {
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}
