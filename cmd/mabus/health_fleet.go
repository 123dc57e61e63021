package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

// fleetHealth shows how the namespace does; it is an error unless that is healthy or degraded.
func (o *options) fleetHealth(cmd *cobra.Command) error {
	return o.with(cmd, func(ctx context.Context, c *client.Client) error {
		h, err := c.Health(ctx)
		if err != nil {
			return err
		}
		if err := o.show(cmd, h, func(w io.Writer) { printFleetHealth(w, h) }); err != nil {
			return err
		}
		switch h.Status {
		case api.Healthy, api.Degraded:
			return nil
		case api.HealthUnknown:
			return errors.New("how the namespace does is not known")
		}
		return errors.New("the namespace is unhealthy")
	})
}

func printFleetHealth(w io.Writer, h *api.Health) {
	row(w, "PART", "STATUS", "SCORE", "WHY")
	for _, p := range h.Parts {
		row(w, p.Name, p.Status, scoreOf(p.Score), p.Why)
	}
	row(w, "all", h.Status, scoreOf(h.Score), "the worst of them")
	fmt.Fprintln(w)
	for _, s := range h.Services {
		row(w, s.Name, "", "", fmt.Sprintf("%d ready, %d live, %d dead", s.Ready, s.Live, s.Dead))
	}
	for _, o := range h.Operations {
		if o.P99 != nil {
			row(w, string(o.Of)+"s", "", "", fmt.Sprintf("%d operations in the last minute, p99 %s", o.Operations, time.Duration(float64(*o.P99)*1e9).Round(time.Microsecond)))
		}
	}
	if len(h.Store.Unreachable) > 0 {
		row(w, "streams", "", "", "no answer of "+strings.Join(h.Store.Unreachable, ", "))
	}
}

// scoreOf writes a score that may not be known.
func scoreOf(m *api.Measure) string {
	if m == nil {
		return ""
	}
	return fmt.Sprintf("%.0f %%", 100*float64(*m))
}
