package session

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// Start is the body of KindStart: the request, and what its edge has found out. The request has an ID.
type Start struct {
	Request api.SessionStartRequest `json:"request"`
	// Checked is the sequence that the replica had applied before it saw that the archive has no session of that id; 0 when the id
	// was made for this request, so that nobody can have used it.
	Checked uint64 `json:"checked,omitempty"`
	// Origin is that of the session.
	Origin string `json:"origin,omitempty"`
}

// Fingerprint stands for a request to start a session, so that its repetition is known long after its answer is forgotten.
func Fingerprint(r *api.SessionStartRequest, principal string) string {
	q := *r
	q.Wait = 0
	q.Attributes = nil
	sum := sha256.Sum256(append(encode(q), principal...))
	return hex.EncodeToString(sum[:16])
}

// start begins a session.
func (s *State) start(c engine.Command, table Protocols) engine.Decision {
	var in Start
	if err := codec.Read(c.Body, &in); err != nil {
		return refuse(err)
	}
	r := &in.Request
	mark := Fingerprint(r, c.Principal)
	if old := s.Sessions[r.ID]; old != nil {
		if err := Same(old, mark); err != nil {
			return refuse(err)
		}
		return engine.Decision{Answer: encode(old.Session)}
	}
	if in.Checked != 0 && in.Checked < s.Dropped {
		return refuse(Unchecked)
	}
	w, err := s.Begin(c, &in, table)
	if err != nil {
		return refuse(err)
	}
	return w
}

// Unchecked refuses a start because sessions went to the archive since it was looked through.
var Unchecked = api.Errorf(api.Unavailable, "sessions were archived meanwhile: try again").WithReason("archive_moved")

// Same tells whether a session is the one that the request with the fingerprint has started.
func Same(r *Record, mark string) error {
	if r.Start == mark {
		return nil
	}
	return api.Errorf(api.Conflict, "there is another session %s: an id is used once", r.Session.ID).WithReason(api.ReasonSessionExists)
}

// Fits tells whether a session could begin: its protocol is known, and takes its parameters and the number of its members.
func (s *State) Fits(in *Start, by string, table Protocols) error {
	_, err := s.draft(in, by, time.Time{}, table)
	return err
}

// draft returns the session as it would begin.
func (s *State) draft(in *Start, by string, at time.Time, table Protocols) (*api.Session, error) {
	r := &in.Request
	x := &api.Session{
		ID: r.ID, Protocol: r.Protocol, Type: r.Type, Algorithm: r.Algorithm, Params: r.Params, Question: r.Question, State: api.SessionActive,
		Timeout: r.Timeout, StartedBy: by, StartedAt: at, Priority: r.Priority, Tags: r.Tags, Origin: in.Origin, Head: start(r.ID),
		Members: make([]api.SessionMember, len(r.Members)),
	}
	for i, id := range r.Members {
		x.Members[i] = api.SessionMember{ID: id, Attributes: r.Attributes[id]}
	}
	if x.Protocol != "" {
		p := s.Protocols[x.Protocol]
		if p == nil {
			return nil, unknownProtocol(x.Protocol)
		}
		if err := inherit(x, p); err != nil {
			return nil, err
		}
	}
	return x, fit(x, table)
}

// Begin returns the decision that begins a session whose id is known to be free.
func (s *State) Begin(c engine.Command, in *Start, table Protocols) (engine.Decision, error) {
	r := &in.Request
	if s.Active >= api.MaxSessions {
		return engine.Decision{}, api.Errorf(api.Overloaded, "%d sessions are active, which is the most: try again when some have ended", api.MaxSessions).
			WithReason(api.ReasonManySessions)
	}
	if s.Bytes >= s.room {
		return engine.Decision{}, full()
	}
	x, err := s.draft(in, c.Principal, c.Time, table)
	if err != nil {
		return engine.Decision{}, err
	}
	w := s.work(&Record{Session: *x, Start: Fingerprint(r, c.Principal)}, table, c.Time)
	w.step(stepStarted, "", opening(x))
	if r.Within > 0 {
		w.Session.Deadline = c.Time.Add(r.Within.Std())
		w.timers = append(w.timers, engine.Timer{ID: endTimer + x.ID, At: w.Session.Deadline})
	}
	w.goOn()
	return s.decision(w, w.Session), nil
}

// full is the error when sessions, also those that have ended and are not in the archive yet, take too much memory.
func full() *api.Error {
	return api.Errorf(api.Overloaded, "the sessions of the namespace take too many bytes: try again when some have ended and are archived").
		WithReason(api.ReasonManySessions)
}

// inherit fills in what the request leaves to the protocol.
func inherit(x *api.Session, p *api.Protocol) error {
	x.Type = p.Type
	if x.Algorithm == "" {
		x.Algorithm = p.Algorithm
	}
	if x.Timeout == 0 {
		x.Timeout = p.Timeout
	}
	if len(x.Params) == 0 {
		x.Params = p.Params
		return nil
	}
	params := map[string]json.RawMessage{}
	for _, raw := range []json.RawMessage{p.Params, x.Params} {
		if len(raw) == 0 {
			continue
		}
		if err := codec.Read(raw, &params); err != nil {
			return api.Errorf(api.Invalid, "params: %s", err).WithReason(api.ReasonConfiguration).WithFields("params")
		}
	}
	x.Params = encodeRaw(params)
	return nil
}

// fit has the protocol check the session, and fills in what it leaves to the type.
func fit(x *api.Session, table Protocols) (err error) {
	rule := table[x.Type]
	if rule == nil {
		return api.Errorf(api.Unimplemented, "sessions of type %s are not known here", x.Type)
	}
	defer func() {
		if p := recover(); p != nil {
			err = api.Errorf(api.Invalid, "the parameters cannot be understood").WithReason(api.ReasonConfiguration).WithFields("params")
		}
	}()
	full, err := rule.Check(x)
	if err != nil {
		return err
	}
	x.Algorithm, x.Params = full.Algorithm, full.Params
	if x.Timeout == 0 {
		x.Timeout = api.Duration(full.Timeout)
	}
	if x.Timeout <= 0 {
		x.Timeout = defaultTimeout
	}
	if x.Priority == "" {
		x.Priority = full.Priority
	}
	return nil
}

// defaultTimeout is that of a round when nobody has said anything.
const defaultTimeout = api.Duration(30 * time.Second)

func unknownProtocol(name string) error {
	return api.Errorf(api.NotFound, "there is no protocol %s: register it, or give a type", name).WithReason(api.ReasonProtocolNotFound)
}

// register registers a protocol, or replaces it.
func (s *State) register(c engine.Command, table Protocols) engine.Decision {
	var p api.Protocol
	if err := codec.Read(c.Body, &p); err != nil {
		return refuse(err)
	}
	switch old := s.Protocols[p.Name]; {
	case c.Kind == KindRegister && old != nil:
		return refuse(api.Errorf(api.Conflict, "there is a protocol %s: update it, or take another name", p.Name).WithReason(api.ReasonAlreadyRegistered))
	case c.Kind == KindUpdate && old == nil:
		return refuse(unknownProtocol(p.Name))
	case old == nil && len(s.Protocols) >= maxProtocols:
		return refuse(api.Errorf(api.Overloaded, "there are %d protocols, which is the most: unregister some", maxProtocols))
	}
	x := api.Session{Type: p.Type, Algorithm: p.Algorithm, Params: p.Params, Timeout: p.Timeout}
	if err := fit(&x, table); err != nil {
		return refuse(err)
	}
	p.Algorithm, p.Timeout, p.UpdatedAt, p.Revision = x.Algorithm, x.Timeout, c.Time, ""
	return engine.Decision{Events: []any{registered{&p}}, Answer: encodeRaw(p)}
}

const maxProtocols = 10_000

func (s *State) unregister(c engine.Command) engine.Decision {
	var r api.NameRequest
	if err := codec.Read(c.Body, &r); err != nil {
		return refuse(err)
	}
	if s.Protocols[r.Name] == nil {
		return engine.Decision{Answer: encode(api.DeregisterResponse{})}
	}
	return engine.Decision{Events: []any{removed{r.Name}}, Answer: encode(api.DeregisterResponse{Existed: true})}
}

// save has the sessions that have ended archived.
func (s *State) save(c engine.Command) engine.Decision {
	n := s.load(s.Ended)
	if n == 0 || s.Archiving > 0 {
		return engine.Decision{}
	}
	return engine.Decision{
		Events:  []any{archiving{n}},
		Effects: []engine.Effect{{ID: savePrefix + strconv.FormatUint(c.Seq, 10), Kind: SaveEffect, Body: encode(Archiving{slices.Clone(s.Ended[:n])})}},
	}
}

// load is how many of the sessions, of which there is at least one, one effect archives: what it can store in its time.
func (s *State) load(ended []string) int {
	n, size := 0, 0
	for n < min(len(ended), maxArchived) {
		r := s.Sessions[ended[n]]
		if size += r.size(); n > 0 && size > maxArchivedBytes {
			break
		}
		n++
	}
	return n
}

// saved drops what is in the archive.
func (s *State) saved(c engine.Command) engine.Decision {
	n := min(s.Archiving, len(s.Ended))
	d := engine.Decision{Events: []any{dropped{slices.Clone(s.Ended[:n]), c.Seq}}}
	if left := s.Ended[n:]; len(left) > 0 {
		wait := archiveWait
		if s.load(left) < len(left) {
			wait = 0
		}
		d.Timers = []engine.Timer{{ID: saveTimer, At: c.Time.Add(wait)}}
	}
	return d
}

// effectOf reads the session and the round from the id of the effect that asks it.
func effectOf(key string) (id string, round int) {
	id, number, _ := strings.Cut(strings.TrimPrefix(key, askEffect), "/")
	round, _ = strconv.Atoi(number)
	return id, round
}

func encodeRaw(v any) json.RawMessage { return encode(v) }
