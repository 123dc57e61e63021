package coordination

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mabus-project/mabus/services/coordination/realm"
	"github.com/mabus-project/mabus/services/coordination/session"
	"github.com/mabus-project/mabus/shared/api"
)

// archived begins the place of a page within the archive; a place among the live sessions is an id.
const archived = "archive/"

// list lists sessions: first those in the state, which are active or have just ended, then those in the archive.
func (c *council) list(ctx context.Context, r *api.SessionsListRequest) (*api.SessionsListResponse, error) {
	limit := cmp.Or(r.Limit, api.DefaultPage)
	resp := &api.SessionsListResponse{Sessions: []api.Session{}}
	live := map[string]bool{}
	var err error
	resp.Revision, err = c.log.Read(ctx, "", func(s *realm.State, _ uint64, _ time.Time) {
		if strings.HasPrefix(r.After, archived) {
			for id := range s.Sessions.Sessions {
				live[id] = true
			}
			return
		}
		for _, id := range slices.Sorted(maps.Keys(s.Sessions.Sessions)) {
			live[id] = true
			if x := s.Sessions.Sessions[id]; id > r.After && wanted(r, x) {
				resp.Sessions = append(resp.Sessions, short(x))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	if len(resp.Sessions) > limit {
		resp.Sessions = resp.Sessions[:limit]
		resp.Next = resp.Sessions[limit-1].ID
		return resp, nil
	}
	if !r.All && (r.State == "" || r.State == api.SessionActive) {
		return resp, nil
	}
	if len(resp.Sessions) == limit {
		resp.Next = archived
		return resp, nil
	}
	place, err := strconv.ParseUint(cmp.Or(strings.TrimPrefix(r.After, archived), "0"), 10, 64)
	if err != nil {
		if strings.HasPrefix(r.After, archived) {
			return nil, api.Errorf(api.Invalid, "after is not the next of an earlier page").WithFields("after")
		}
		place = 0
	}
	old, next, err := c.archive.before(ctx, place, limit-len(resp.Sessions), func(x *session.Record) bool { return !live[x.Session.ID] && wanted(r, x) })
	if err != nil {
		return nil, err
	}
	for _, x := range old {
		resp.Sessions = append(resp.Sessions, short(x))
	}
	if next > 0 {
		resp.Next = archived + strconv.FormatUint(next, 10)
	}
	return resp, nil
}

// wanted tells whether a list asks for the session.
func wanted(r *api.SessionsListRequest, rec *session.Record) bool {
	x := &rec.Session
	switch {
	case r.State != "" && x.State != r.State, r.State == "" && !r.All && x.State != api.SessionActive:
		return false
	case r.Type != "" && x.Type != r.Type, r.Protocol != "" && x.Protocol != r.Protocol:
		return false
	}
	return r.Member == "" || slices.ContainsFunc(x.Members, func(m api.SessionMember) bool { return m.ID == r.Member })
}

// short is a session without its transcript.
func short(r *session.Record) api.Session {
	x := r.Session
	x.Rounds = nil
	return x
}
