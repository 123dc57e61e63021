package view

import (
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Heard is a series and when it last had a sample, to the second.
type Heard struct {
	Series api.Series
	At     time.Time
}

// Heard returns every series that a selector names, however long it has said nothing: a day at most, and less when its place was needed.
func (v *View) Heard(s api.MetricSelector) []Heard {
	list := v.table.match(s.WithDefaults(), 0)
	heard := make([]Heard, len(list))
	for i, e := range list {
		heard[i] = Heard{e.series, time.Unix(e.last, 0).UTC()}
	}
	return heard
}
