package alerts

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/await"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/kv"
)

const (
	keepCleared = 24 * time.Hour
	tidyEvery   = time.Minute
	tidyMost    = 1_000
	traces      = time.Hour // for which those of what was removed stay
)

// giveUp keeps an event among those that could not be delivered.
func (s *Store) giveUp(ctx context.Context, c *carrier, e *api.Event, a *api.Alert, to string, why error, tries uint64) error {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	body, err := codec.Marshal(api.UndeliveredAlert{Event: *e, Rule: a.Rule, To: to, Error: why.Error(), Tries: tries, At: time.Now().UTC()})
	if err != nil {
		return err
	}
	_, err = s.letterBucket.Write(ctx, kv.Write{Key: c.consumer + "." + e.ID, Value: body})
	if err != nil && !errors.Is(err, kv.ErrLost) { // it was kept before
		return err
	}
	s.given.Add(1)
	s.cfg.Log.Warn().Err(why).Str("rule", a.Rule).Str("alert", a.ID).Str("to", to).Str("event", e.ID).Msg("an alert could not be delivered")
	return nil
}

func (s *Store) undelivered(_ context.Context, r *api.UndeliveredRequest) (*api.UndeliveredResponse, error) {
	resp := &api.UndeliveredResponse{Undelivered: []api.UndeliveredAlert{}, Total: s.letters.Len()}
	s.letters.Range(func(_ string, l *api.UndeliveredAlert, _ uint64) bool {
		resp.Undelivered = append(resp.Undelivered, *l)
		return true
	})
	slices.SortFunc(resp.Undelivered, func(a, b api.UndeliveredAlert) int {
		if c := b.At.Compare(a.At); c != 0 {
			return c
		}
		return strings.Compare(a.Event.ID, b.Event.ID)
	})
	resp.Undelivered = resp.Undelivered[:min(page(r.Limit), len(resp.Undelivered))]
	return resp, nil
}

// old is a record that is to go.
type old struct {
	key string
	rev uint64
	at  time.Time
}

// tidy removes what is remembered no longer. Every replica does, and the first removes.
func (s *Store) tidy(ctx context.Context) {
	for await.Pause(ctx, tidyEvery) {
		var cleared, letters []old
		age := keepCleared
		if s.alerts.Len() > api.MaxAlerts*4/5 {
			age = tidyEvery
		}
		s.alerts.Range(func(key string, a *api.Alert, rev uint64) bool {
			if a.Status == api.AlertCleared && time.Since(a.ClearedAt) > age {
				cleared = append(cleared, old{key, rev, a.ClearedAt})
			}
			return true
		})
		s.letters.Range(func(key string, l *api.UndeliveredAlert, rev uint64) bool {
			letters = append(letters, old{key, rev, l.At})
			return true
		})
		slices.SortFunc(letters, func(a, b old) int { return a.at.Compare(b.at) })
		s.remove(ctx, s.alertBucket, cleared)
		s.remove(ctx, s.letterBucket, letters[:max(0, len(letters)-api.MaxUndelivered)])
		for _, b := range []*kv.Bucket{s.alertBucket, s.ruleBucket, s.letterBucket} {
			sweep, cancel := context.WithTimeout(ctx, tidyEvery)
			if _, err := b.Sweep(sweep, traces, tidyMost); err != nil && ctx.Err() == nil {
				s.cfg.Log.Debug().Err(err).Msg("the traces of what was removed stay for now")
			}
			cancel()
		}
	}
}

func (s *Store) remove(ctx context.Context, b *kv.Bucket, list []old) {
	for _, o := range list[:min(len(list), tidyMost)] {
		write, cancel := context.WithTimeout(ctx, writeTime)
		_, err := b.Write(write, kv.Write{Key: o.key, Delete: true, Expect: o.rev})
		cancel()
		if err != nil && !errors.Is(err, kv.ErrLost) {
			return // the store is away: there is a next time
		}
	}
}
