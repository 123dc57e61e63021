package registry

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mabus-project/mabus/services/registry/settings"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/setting/schema"
	"github.com/mabus-project/mabus/shared/setting/tree"
)

// sectionRules are what no schema can say of a section: rules over several of its values.
var sectionRules = map[string]func(json.RawMessage) error{
	"loadbalancer": valid[api.BalanceConfig],
	"perfmon":      soonSaid,
}

// soonSaid refuses an interval at which the replicas of perfmon would take each other for dead, which hear from one another by what they
// write.
func soonSaid(value json.RawMessage) error {
	var s struct {
		Interval api.Duration `json:"interval"`
	}
	if err := codec.Read(value, &s); err != nil {
		return err
	}
	if s.Interval.Std() > 5*time.Second {
		return api.Errorf(api.Invalid, "must be at most 5s").WithFields("interval")
	}
	return nil
}

func valid[T any](value json.RawMessage) error {
	v := new(T)
	if err := codec.Decode(value, v); err != nil {
		return err
	}
	if c, ok := any(v).(api.Validator); ok {
		return c.Validate()
	}
	return nil
}

// rules returns the rules with all sections. Those of some paths are looked up at the leader if the mirror lacks them: a service may have
// registered one a moment ago.
func (c *configs) rules(ctx context.Context, paths ...string) (settings.Rules, error) {
	r := settings.Rules{Sections: map[string]*settings.Section{}}
	all := make([]*api.ConfigSection, 0, c.section.Len())
	c.section.Range(func(_ string, s *api.ConfigSection, _ uint64) bool { // which must not look into the mirror itself
		all = append(all, s)
		return true
	})
	for _, s := range all {
		var err error
		if r.Sections[s.Name], err = c.compile(s); err != nil {
			return r, err
		}
	}
	for _, path := range paths {
		name, _, _ := strings.Cut(path, ".")
		if r.Sections[name] != nil {
			continue
		}
		res, err := c.sections.Get(ctx, sectionPrefix+name)
		if err != nil {
			return r, err
		}
		if res.Value == nil {
			continue
		}
		if r.Sections[name], err = c.compile(res.Value); err != nil {
			return r, err
		}
	}
	return r, nil
}

// compile makes a section ready for the rules. What the mirror holds is compiled once.
func (c *configs) compile(s *api.ConfigSection) (*settings.Section, error) {
	c.mu.Lock()
	have := c.compiled[s]
	c.mu.Unlock()
	if have != nil {
		return have, nil
	}
	made := &settings.Section{ConfigSection: *s, Rule: sectionRules[s.Name]}
	compiled, err := schema.Compile(s.JSONSchema)
	if err != nil {
		return nil, err
	}
	made.Schema = compiled
	if made.Defaults, err = tree.ParseObject("defaults", s.Defaults); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.compiled, func(old *api.ConfigSection, _ *settings.Section) bool { // what the mirror has replaced
		now, _, _ := c.section.Get(sectionPrefix + old.Name)
		return now != old
	})
	if now, _, _ := c.section.Get(sectionPrefix + s.Name); now == s {
		c.compiled[s] = made
	}
	return made, nil
}

func (c *configs) register(ctx context.Context, r *api.ConfigRegisterRequest) (*api.ConfigRegistered, error) {
	cause := rpc.CauseFrom(ctx)
	next := api.ConfigSection{Name: r.Name, Schema: r.Schema, RegisteredBy: cause.Principal}
	var err error
	if next.JSONSchema, err = codec.Marshal(r.JSONSchema); err != nil {
		return nil, err
	}
	if next.Defaults, err = codec.Marshal(r.Defaults); err != nil {
		return nil, err
	}
	var now *api.ConfigSection
	known, err := c.standing(ctx, r.Name)
	if err != nil {
		return nil, err
	}
	if known != nil && settings.Register(known, next) == known && cause.RequestID == "" {
		now = known // as most processes find it, of which there may be many at once
	} else if now, err = c.store(ctx, cause, next); err != nil {
		return nil, err
	}
	section, err := c.compile(now)
	if err != nil {
		return nil, err
	}
	config, err := c.config()
	if now != known { // what is new is compared with what is set now, and not a moment ago
		var d *api.ConfigDocument
		if d, err = c.current(ctx); err == nil {
			config, err = settings.Config(d)
		}
	}
	if err != nil {
		return nil, err
	}
	return &api.ConfigRegistered{Section: *now, Problems: section.Describe(config).Problems}, nil
}

// standing returns a section as the leader has it, nil for none: the mirror's own copy if it is that, which is compiled once.
func (c *configs) standing(ctx context.Context, name string) (*api.ConfigSection, error) {
	res, err := c.sections.Get(ctx, sectionPrefix+name)
	if err != nil {
		return nil, err
	}
	if mirrored, rev, ok := c.section.Get(sectionPrefix + name); ok && rev == res.Revision {
		return mirrored, nil
	}
	return res.Value, nil
}

// store registers a section, if its schema is one and accepts its defaults.
func (c *configs) store(ctx context.Context, cause api.Cause, next api.ConfigSection) (*api.ConfigSection, error) {
	section, err := c.compile(&next)
	if err != nil {
		return nil, err
	}
	unknown, refused := section.Problems(tree.Object{})
	if len(unknown) > 0 {
		return nil, api.Errorf(api.Invalid, "the schema does not know the default %s", unknown[0]).WithReason(api.ReasonSchemaInvalid).WithFields(unknown...)
	}
	if len(refused) > 0 {
		return nil, api.Errorf(api.Invalid, "the schema does not accept the defaults: %s: %s", refused[0].Path, refused[0].Message).
			WithReason(api.ReasonSchemaInvalid).WithFields(refused[0].Path)
	}
	res, err := c.sections.Update(ctx, cause, sectionPrefix+next.Name, func(old *api.ConfigSection, now time.Time) (*api.ConfigSection, string, error) {
		if old == nil && c.section.Len() >= api.MaxConfigSections {
			return nil, "", api.Errorf(api.Overloaded, "%d sections are registered already", api.MaxConfigSections).WithReason(api.ReasonManySections)
		}
		stamped := next
		stamped.RegisteredAt = now.UTC()
		if chosen := settings.Register(old, stamped); chosen == old {
			return old, "", nil
		}
		return &stamped, "section_registered", nil
	})
	if err != nil {
		return nil, err
	}
	return res.Value, nil
}

func (c *configs) config() (tree.Object, error) {
	d, _, _ := c.document.Get(documentKey)
	return settings.Config(d)
}

func (c *configs) describe(ctx context.Context, r *api.ConfigDescribeRequest) (*api.ConfigDescribeResponse, error) {
	var named []string
	if r.Section != "" {
		named = append(named, r.Section)
	}
	rules, err := c.rules(ctx, named...)
	if err != nil {
		return nil, err
	}
	if r.Section == "" {
		named = slices.Sorted(maps.Keys(rules.Sections))
	}
	config, err := c.config()
	if err != nil {
		return nil, err
	}
	resp := &api.ConfigDescribeResponse{Sections: make([]api.ConfigDescription, 0, len(named))}
	for _, name := range named {
		s := rules.Sections[name]
		if s == nil {
			return nil, settings.NoSection(name)
		}
		resp.Sections = append(resp.Sections, s.Describe(config))
	}
	return resp, nil
}
