package coordination

import (
	"cmp"
	"context"
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

// listBytes is after how many bytes a page ends before its limit.
const listBytes = 4 << 20

// list lists sessions: first those in the state, which are active or have just ended, then those in the archive.
func (c *council) list(ctx context.Context, r *api.SessionsListRequest) (*api.SessionsListResponse, error) {
	limit := cmp.Or(r.Limit, api.DefaultPage)
	rest, inArchive := strings.CutPrefix(r.After, archived)
	place := uint64(0)
	if inArchive && rest != "" {
		var err error
		if place, err = strconv.ParseUint(rest, 10, 64); err != nil {
			return nil, api.Errorf(api.Invalid, "after is not the next of an earlier page").WithFields("after")
		}
	}
	resp := &api.SessionsListResponse{Sessions: []api.Session{}}
	live := map[string]bool{}
	var found []*session.Record
	var err error
	resp.Revision, err = c.log.Read(ctx, "", func(s *realm.State, _ uint64, _ time.Time) { // records stay as they are, so the rest needs no lock
		for id, x := range s.Sessions.Sessions {
			if live[id] = true; !inArchive && id > r.After && wanted(r, x) {
				found = append(found, x)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b *session.Record) int { return cmp.Compare(a.Session.ID, b.Session.ID) })
	size := 0
	for _, x := range found {
		if len(resp.Sessions) == limit || size > listBytes {
			resp.Next = resp.Sessions[len(resp.Sessions)-1].ID
			return resp, nil
		}
		resp.Sessions = append(resp.Sessions, short(x))
		size += weight(&x.Session)
	}
	if !r.All && (r.State == "" || r.State == api.SessionActive) {
		return resp, nil
	}
	if len(resp.Sessions) == limit || size > listBytes {
		resp.Next = archived
		return resp, nil
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

// weight is about how many bytes a session takes in a list.
func weight(x *api.Session) int {
	n := 1024 + len(x.Params) + len(x.Question) + len(x.Result) + len(x.Reason)
	for i := range x.Members {
		n += 16 + len(x.Members[i].ID)
		for k, v := range x.Members[i].Attributes {
			n += 8 + len(k) + len(v)
		}
	}
	return n
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
