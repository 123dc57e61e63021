package client

import (
	"context"
	"encoding/json"
	"iter"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/setting/tree"
)

// Config is the configuration of the namespace: one document of sections, which services obey while they run.
type Config struct {
	conn *rpc.Conn
	seen *session
}

// Document returns what is set, at some paths or everywhere: not_found (unknown_path) where nothing is, invalid (path_under_scalar).
func (s Config) Document(ctx context.Context, r api.ConfigGetRequest) (*api.ConfigGetResponse, error) {
	return read(s.seen, r.MinRevision, func(revision string) (*api.ConfigGetResponse, error) {
		r.MinRevision = revision
		return look(ctx, s.conn, api.ConfigGet, &r)
	})
}

// Get reads what is set at a path, or else its default, into a variable: not_found (unknown_path) where there is neither.
func (s Config) Get(ctx context.Context, path string, into any) error {
	d, err := s.Document(ctx, api.ConfigGetRequest{Paths: []string{path}, Defaults: true})
	if err != nil {
		return err
	}
	value, err := valueAt(d.Config, path)
	if err != nil {
		return err
	}
	return codec.Read(value, into)
}

// Set sets one path to anything that can be written as JSON. Errors are as of Change.
func (s Config) Set(ctx context.Context, path string, value any) (*api.ConfigChanged, error) {
	text, err := encode(value)
	if err != nil {
		return nil, err
	}
	return s.Change(ctx, api.ConfigSetRequest{Values: []api.ConfigValue{{Path: path, Value: text}}})
}

// Change sets several paths in one step. What is refused changes nothing: not_found (unknown_path), invalid (path_under_scalar,
// conflicting_paths, null_value, value_refused, config_too_large), permission_denied (protected_path), conflict (config_changed).
func (s Config) Change(ctx context.Context, r api.ConfigSetRequest) (*api.ConfigChanged, error) {
	resp, err := change(ctx, s.conn, api.ConfigSet, &r)
	return changed(s.seen, revisionOfConfig, resp, err)
}

// Unset takes away what is set at some paths. Errors are as of Change.
func (s Config) Unset(ctx context.Context, r api.ConfigUnsetRequest) (*api.ConfigChanged, error) {
	resp, err := change(ctx, s.conn, api.ConfigUnset, &r)
	return changed(s.seen, revisionOfConfig, resp, err)
}

// Rollback makes the document what it was at a version: not_found (config_version_not_found), and as Change.
func (s Config) Rollback(ctx context.Context, r api.ConfigRollbackRequest) (*api.ConfigChanged, error) {
	resp, err := change(ctx, s.conn, api.ConfigRollback, &r)
	return changed(s.seen, revisionOfConfig, resp, err)
}

// Reset takes away all that is set in a section or everywhere: not_found (section_not_found), and as Change.
func (s Config) Reset(ctx context.Context, r api.ConfigResetRequest) (*api.ConfigChanged, error) {
	resp, err := change(ctx, s.conn, api.ConfigReset, &r)
	return changed(s.seen, revisionOfConfig, resp, err)
}

func revisionOfConfig(c *api.ConfigChanged) string { return c.Revision }

// Diff says how two versions differ, or one and the newest: not_found (config_version_not_found).
func (s Config) Diff(ctx context.Context, r api.ConfigDiffRequest) (*api.ConfigDiffResponse, error) {
	return look(ctx, s.conn, api.ConfigDiff, &r)
}

// Page returns a page of the history, newest first.
func (s Config) Page(ctx context.Context, r api.ConfigHistoryRequest) (*api.ConfigHistoryResponse, error) {
	return look(ctx, s.conn, api.ConfigHistory, &r)
}

// History returns every change that the history has, newest first. An error ends it.
func (s Config) History(ctx context.Context) iter.Seq2[api.ConfigEntry, error] {
	return func(yield func(api.ConfigEntry, error) bool) {
		for r := (api.ConfigHistoryRequest{}); ; {
			resp, err := s.Page(ctx, r)
			if err != nil {
				yield(api.ConfigEntry{}, err)
				return
			}
			for _, e := range resp.Changes {
				if !yield(e, nil) {
					return
				}
			}
			if r.Before = resp.Next; r.Before == 0 {
				return
			}
		}
	}
}

// Describe returns what may be set, in one section or, for "", in all: not_found (section_not_found).
func (s Config) Describe(ctx context.Context, section string) ([]api.ConfigDescription, error) {
	resp, err := look(ctx, s.conn, api.ConfigDescribe, &api.ConfigDescribeRequest{Section: section})
	if err != nil {
		return nil, err
	}
	return resp.Sections, nil
}

// Register registers a section of one's own: invalid (invalid_schema), overloaded (too_many_sections).
func (s Config) Register(ctx context.Context, r api.ConfigRegisterRequest) (*api.ConfigRegistered, error) {
	return change(ctx, s.conn, api.ConfigRegister, &r)
}

// Stats says how the configuration stands.
func (s Config) Stats(ctx context.Context) (*api.ConfigStats, error) {
	return look(ctx, s.conn, api.ConfigStatsGet, &api.Empty{})
}

// valueAt returns what is at a path of a document; it is not_found (unknown_path) if nothing is.
func valueAt(document json.RawMessage, path string) (json.RawMessage, error) {
	o, err := tree.ParseObject("", document)
	if err != nil {
		return nil, err
	}
	v, err := o.Get(path)
	if err == nil && v.IsZero() {
		err = api.Errorf(api.NotFound, "nothing is set at %s", path).WithReason(api.ReasonPathUnknown).WithFields(path)
	}
	return v.JSON(), err
}
