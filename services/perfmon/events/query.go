package events

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/mabus-project/mabus/services/perfmon/events/chain"
	"github.com/mabus-project/mabus/services/perfmon/events/index"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

func (s *Store) get(ctx context.Context, r *api.EventGetRequest) (*api.Event, error) {
	if err := s.caughtUp(ctx, r.MinRevision); err != nil {
		return nil, err
	}
	f, err := s.first(ctx, r.ID, func(e *api.Event) bool { return r.Principal == "" || e.Principal == r.Principal })
	if err != nil {
		return nil, err
	}
	if f != nil {
		return f.event, nil
	}
	if event, err := s.justAppended(ctx, r); event != nil || err != nil {
		return event, err
	}
	return nil, api.Errorf(api.NotFound, "there is no event %s, or it is no longer kept", r.ID).WithReason(api.ReasonEventNotFound)
}

// byID returns where the events may be that have an id.
func (s *Store) byID(id string) []uint64 {
	s.view.mu.RLock()
	defer s.view.mu.RUnlock()
	return s.view.x.ByID(id)
}

// first returns the oldest event that has an id and meets a condition; nil if there is none.
func (s *Store) first(ctx context.Context, id string, meets func(*api.Event) bool) (first *found, err error) {
	var places []index.Place
	for _, seq := range s.byID(id) {
		places = append(places, index.Place{Seq: seq})
	}
	err = s.fetch(ctx, places, func(_ index.Place, f *found) bool {
		if f != nil && f.event.ID == id && meets(f.event) {
			first = f
		}
		return first == nil
	})
	return first, err
}

// justAppended finds an event of the one who asks that this replica has not read yet.
func (s *Store) justAppended(ctx context.Context, r *api.EventGetRequest) (*api.Event, error) {
	principal := r.Principal
	if principal == "" {
		principal = rpc.CauseFrom(ctx).Principal
	}
	if !api.ValidID(r.ID) {
		return nil, nil
	}
	f, err := s.ofLeader(ctx, getRequest{Last: api.AppendedSubject(s.conn.Namespace, principal, r.ID)})
	if f == nil || err != nil {
		return nil, err
	}
	return f.event, nil
}

func (s *Store) query(ctx context.Context, r *api.EventQueryRequest) (*api.EventQueryResponse, error) {
	if err := s.caughtUp(ctx, r.MinRevision); err != nil {
		return nil, err
	}
	after, err := s.parseCursor(r.Cursor)
	if err != nil {
		return nil, err
	}
	limit, bytes, looked := pageOf(r.Limit), 0, 0
	resp := &api.EventQueryResponse{Events: []api.Event{}}
	q := index.Query{Filter: &r.EventFilter, Order: r.Order, Newest: r.Newest, After: after, Limit: limit + 1}
	for more := true; more; {
		sel := s.view.find(q)
		resp.Revision = s.revision(sel.applied)
		more = len(sel.places) == q.Limit // of which some may be others than what is meant
		last := q.After
		err := s.fetch(ctx, sel.places, func(at index.Place, f *found) bool {
			if len(resp.Events) == limit || bytes > pageBytes {
				resp.Next, more = s.cursor(*last), false
				return false
			}
			if last = &at; f != nil && r.Meets(f.event) {
				resp.Events = append(resp.Events, *f.event)
				bytes += f.bytes
			}
			return true
		})
		if err != nil {
			return nil, err
		}
		q.After = last
		if looked += len(sel.places); more && looked >= mostLooked {
			resp.Next, more = s.cursor(*last), false
		}
	}
	return resp, nil
}

// mostLooked is how many events one page is looked for in, and a page more: with very many types, the index tells little of the rest.
const mostLooked = 4 * api.MaxPage

func pageOf(limit int) int {
	if limit == 0 {
		return api.DefaultPage
	}
	return limit
}

// revision names what a replica had read; none before the first event.
func (s *Store) revision(applied uint64) string {
	if applied == 0 {
		return ""
	}
	return s.token(applied)
}

// cursor names a place in either order.
func (s *Store) cursor(p index.Place) string {
	return s.token(p.Seq) + "." + strconv.FormatInt(p.Time, 36)
}

func (s *Store) parseCursor(c string) (*index.Place, error) {
	if c == "" {
		return nil, nil
	}
	token, text, ok := strings.Cut(c, ".")
	at, err := strconv.ParseInt(text, 36, 64)
	if !ok || err != nil {
		return nil, api.Errorf(api.Invalid, "the cursor is not one that Mabus gave out").WithReason(api.ReasonMalformed).WithFields("cursor")
	}
	seq, err := kv.ParseToken(s.stream, s.view.created.Load(), token)
	if err != nil {
		return nil, err
	}
	return &index.Place{Seq: seq, Time: at}, nil
}

func (s *Store) chain(ctx context.Context, r *api.EventChainRequest) (*api.EventChainResponse, error) {
	if err := s.caughtUp(ctx, r.MinRevision); err != nil {
		return nil, err
	}
	sel := s.view.find(index.Query{Filter: &api.EventFilter{CorrelationID: r.CorrelationID}, Limit: api.MaxEventChain + 1})
	resp := &api.EventChainResponse{Revision: s.revision(sel.applied)}
	var all []api.Event
	bytes := 0
	err := s.fetch(ctx, sel.places, func(_ index.Place, f *found) bool {
		if f == nil || f.event.CorrelationID != r.CorrelationID {
			return true
		}
		if resp.Truncated = len(all) == api.MaxEventChain || bytes > pageBytes; resp.Truncated {
			return false
		}
		if r.Brief {
			f.event.Data, f.bytes = nil, 0
		}
		bytes += f.bytes
		all = append(all, *f.event)
		return true
	})
	if err != nil {
		return nil, err
	}
	resp.Events, resp.Missing = chain.Arrange(all)
	return resp, nil
}

func (s *Store) stats(ctx context.Context, r *api.EventStatsRequest) (*api.EventStatsResponse, error) {
	if err := s.caughtUp(ctx, r.MinRevision); err != nil {
		return nil, err
	}
	info, err := s.look(ctx)
	if err != nil {
		return nil, away(err)
	}
	v, st := s.view, info.State
	v.drop(st.FirstSeq)
	resp := &api.EventStatsResponse{
		Stored: st.LastSeq, Current: st.Msgs, Pruned: st.LastSeq - min(st.Msgs, st.LastSeq), Bytes: st.Bytes,
		Duplicates: int(v.duplicates.Load()), Junk: int(v.junk.Load()), Revision: s.revision(st.LastSeq),
	}
	if st.Msgs > 0 {
		resp.Oldest, resp.Newest = st.FirstTime.UTC(), st.LastTime.UTC()
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	resp.LastMinute = v.x.StoredSince(info.TimeStamp.Add(-time.Minute).UnixNano())
	resp.PerSecond = api.Measure(float64(resp.LastMinute) / time.Minute.Seconds())
	resp.Types, resp.Others = v.x.Types(api.MaxEventTypes)
	return resp, nil
}
