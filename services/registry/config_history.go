package registry

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/services/registry/settings"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/kv"
)

// historyBytes bounds the stream of the history on disk: api.MaxConfigHistory documents of the largest size are a little more.
const historyBytes = 256 << 20

func (c *configs) historyStream() string { return api.Bucket(c.conn.Namespace, "config_history") }

func (c *configs) historySubject(version uint64) string {
	return c.conn.Namespace + ".config_history." + strconv.FormatUint(version, 10)
}

func (c *configs) openHistory(ctx context.Context, replicas int) error {
	_, err := kv.EnsureStream(ctx, c.conn.JS, jetstream.StreamConfig{
		Name: c.historyStream(), Subjects: []string{c.conn.Namespace + ".config_history.>"}, Storage: jetstream.FileStorage, Replicas: replicas,
		MaxMsgs: api.MaxConfigHistory, MaxBytes: historyBytes, Discard: jetstream.DiscardOld,
	})
	if err != nil {
		return err
	}
	return kv.Retry(ctx, c.learn)
}

// learn finds out how far the history goes.
func (c *configs) learn(ctx context.Context) error {
	newest, _, err := c.span(ctx)
	if err == nil {
		c.noteKept(newest)
	}
	return err
}

// noteKept notes that a version is in the history.
func (c *configs) noteKept(version uint64) {
	for {
		kept := c.kept.Load()
		if kept >= version || c.kept.CompareAndSwap(kept, version) {
			return
		}
	}
}

// keep sees to it that a version is in the history, once, whichever replicas try.
func (c *configs) keep(ctx context.Context, d *api.ConfigDocument) error {
	if d == nil || d.Version <= c.kept.Load() {
		return nil
	}
	data, err := codec.Marshal(d)
	if err != nil {
		return fmt.Errorf("write version %d: %w", d.Version, err)
	}
	subject := c.historySubject(d.Version)
	for {
		m := nats.NewMsg(subject)
		m.Data = data
		_, err := c.conn.JS.PublishMsg(ctx, m, jetstream.WithExpectLastSequencePerSubject(0))
		if err != nil && !c.isKept(ctx, subject) {
			if ctx.Err() == nil && lostRace(err) { // on a cluster, to a write of another version
				continue
			}
			return api.Errorf(api.Unavailable, "the history of the configuration cannot be written now, try again: %v", err).WithReason(api.ReasonDependencyDown)
		}
		break
	}
	c.noteKept(d.Version)
	return nil
}

func lostRace(err error) bool {
	var e *jetstream.APIError
	return errors.As(err, &e) && (e.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || e.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

func (c *configs) isKept(ctx context.Context, subject string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	stream, err := c.conn.JS.Stream(ctx, c.historyStream())
	if err != nil {
		return false
	}
	_, err = stream.GetLastMsgForSubject(ctx, subject)
	return err == nil
}

// span returns the newest and the oldest version of the history; 0 for an empty one.
func (c *configs) span(ctx context.Context) (newest, oldest uint64, err error) {
	stream, err := c.conn.JS.Stream(ctx, c.historyStream())
	if err != nil {
		return 0, 0, noHistory(err)
	}
	all := c.conn.Namespace + ".config_history.>"
	last, err := stream.GetLastMsgForSubject(ctx, all)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, noHistory(err)
	}
	first, err := stream.GetMsg(ctx, 1, jetstream.WithGetMsgSubject(all)) // whichever that is now: with each change the oldest may go
	if err != nil {
		return 0, 0, noHistory(err)
	}
	return versionOf(last.Subject), versionOf(first.Subject), nil
}

func noHistory(err error) error {
	return api.Errorf(api.Unavailable, "the history of the configuration cannot be read now, try again: %v", err).WithReason(api.ReasonDependencyDown)
}

func versionOf(subject string) uint64 {
	v, err := strconv.ParseUint(subject[strings.LastIndexByte(subject, '.')+1:], 10, 64)
	if err != nil {
		return 0
	}
	return v
}

// current returns the document as the leader has it, and sees to it that it is in the history.
func (c *configs) current(ctx context.Context) (*api.ConfigDocument, error) {
	res, err := c.documents.Get(ctx, documentKey)
	if err != nil {
		return nil, err
	}
	return res.Value, c.keep(ctx, res.Value)
}

// at returns a version of the document; nil for version 0.
func (c *configs) at(ctx context.Context, version uint64) (*api.ConfigDocument, error) {
	if version == 0 {
		return nil, nil
	}
	if version > c.kept.Load() {
		if _, err := c.current(ctx); err != nil {
			return nil, err
		}
	}
	d, err := c.version(ctx, version)
	if err == nil && d == nil {
		err = api.Errorf(api.NotFound, "the history has no version %d: see registry.config.history", version).WithReason(api.ReasonConfigVersion)
	}
	return d, err
}

// version reads an entry of the history; nil if there is none.
func (c *configs) version(ctx context.Context, version uint64) (*api.ConfigDocument, error) {
	stream, err := c.conn.JS.Stream(ctx, c.historyStream())
	if err != nil {
		return nil, noHistory(err)
	}
	m, err := stream.GetLastMsgForSubject(ctx, c.historySubject(version))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, noHistory(err)
	}
	d := new(api.ConfigDocument)
	if err := codec.Read(m.Data, d); err != nil {
		return nil, fmt.Errorf("version %d of the configuration: %w", version, err)
	}
	return d, nil
}

func (c *configs) history(ctx context.Context, r *api.ConfigHistoryRequest) (*api.ConfigHistoryResponse, error) {
	d, err := c.current(ctx)
	if err != nil {
		return nil, err
	}
	limit, at := r.Limit, settings.Version(d)
	if limit == 0 {
		limit = api.MaxConfigPage
	}
	if r.Before > 0 {
		at = min(at, r.Before-1)
	}
	resp := &api.ConfigHistoryResponse{Changes: []api.ConfigEntry{}}
	_, oldest, err := c.span(ctx)
	if err != nil {
		return nil, err
	}
	for ; at >= max(oldest, 1) && len(resp.Changes) < limit; at-- {
		d, err := c.version(ctx, at)
		if err != nil {
			return nil, err
		}
		if d != nil { // after a document was lost, versions go on where they were
			resp.Changes = append(resp.Changes, api.ConfigEntry{
				Version: d.Version, ChangedAt: d.ChangedAt, ChangedBy: d.ChangedBy, Action: d.Action, Paths: d.Paths, Comment: d.Comment, Target: d.Target,
			})
		}
	}
	if at >= max(oldest, 1) {
		resp.Next = at + 1
	}
	return resp, nil
}

func (c *configs) diff(ctx context.Context, r *api.ConfigDiffRequest) (*api.ConfigDiffResponse, error) {
	from, err := c.at(ctx, r.From)
	if err != nil {
		return nil, err
	}
	to := (*api.ConfigDocument)(nil)
	if r.To != nil {
		to, err = c.at(ctx, *r.To)
	} else {
		to, err = c.current(ctx)
	}
	if err != nil {
		return nil, err
	}
	changes, err := settings.Compare(from, to)
	if err != nil {
		return nil, err
	}
	return &api.ConfigDiffResponse{From: r.From, To: settings.Version(to), Changes: changes}, nil
}

func (c *configs) stats(ctx context.Context, _ *api.Empty) (*api.ConfigStats, error) {
	_, oldest, err := c.span(ctx)
	if err != nil {
		return nil, err
	}
	s := &api.ConfigStats{Sections: c.section.Len(), MaxBytes: api.MaxConfigBytes, Oldest: oldest}
	if d, _, ok := c.document.Get(documentKey); ok {
		s.Version, s.ChangedAt, s.ChangedBy, s.Bytes = d.Version, d.ChangedAt, d.ChangedBy, len(d.Config)
	}
	return s, nil
}
