package job

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/mabus-project/mabus/shared/api"
)

// check returns the first thing that is wrong with the job. Value is the file as generic JSON: a field that is there but
// zero is told from one that is left out; nil when there is no file.
func (j *Job) check(value any) *problem {
	c := checker{value: value}
	if j.Version != Version {
		return c.at("/version", "must be %d", Version)
	}
	if p := c.name("/name", j.Name); p != nil {
		return p
	}
	names := map[string]bool{}
	for i := range j.Agents {
		at := fmt.Sprintf("/agents/%d", i)
		if p := j.Agents[i].check(&c, at); p != nil {
			return p
		}
		if names[j.Agents[i].Name] {
			return c.at(at+"/name", "another agent of the job has the name %q", j.Agents[i].Name)
		}
		names[j.Agents[i].Name] = true
	}
	if len(j.Agents) > api.MaxBulk || len(j.Tasks) > api.MaxBulk {
		return c.at("", "agents and tasks have at most %d entries each", api.MaxBulk)
	}
	if len(j.Tasks) == 0 {
		return c.at("/tasks", "needs at least one step that says which inputs become tasks of which capability")
	}
	for i := range j.Tasks {
		if p := j.Tasks[i].check(&c, fmt.Sprintf("/tasks/%d", i)); p != nil {
			return p
		}
	}
	if p := j.Limits.check(&c); p != nil {
		return p
	}
	for _, path := range []string{"/output/results", "/output/report"} {
		if s, ok := c.get(path); ok && s == "" {
			return c.at(path, "must not be empty")
		}
	}
	if j.Report == nil {
		return nil
	}
	return c.first(
		c.id("/report/capability", j.Report.Capability),
		c.number("/report/attempts", int64(j.Report.Attempts), 1, api.MaxAttempts),
		c.duration("/report/timeout", j.Report.Timeout),
	)
}

func (a *Agent) check(c *checker, at string) *problem {
	if p := c.first(
		c.name(at+"/name", a.Name),
		c.optionalID(at+"/type", a.Type),
		c.number(at+"/replicas", int64(a.Replicas), 1, MaxReplicas),
		c.number(at+"/per_host", int64(a.PerHost), 1, MaxReplicas),
		c.number(at+"/concurrency", int64(a.Concurrency), 1, api.MaxConcurrency),
		c.number(at+"/mailbox", int64(a.Mailbox), 1, api.MaxMailbox),
		c.amount(at+"/max_cost", a.MaxCost),
		c.duration(at+"/timeout", a.Timeout),
		c.duration(at+"/grace", a.Grace),
	); p != nil {
		return p
	}
	if ask := a.Ask; ask != nil {
		if ask.Price <= 0 || ask.Price > api.MaxAmount || ask.PerKiB < 0 || ask.PerKiB > api.MaxAmount {
			return c.at(at+"/ask", "give a price above 0, and per_kib not below it, in micro-units, a thousand million units at most")
		}
	}
	if a.Replicas > 0 && a.PerHost > 0 {
		return c.at(at+"/per_host", "give either replicas, the number in all, or per_host")
	}
	if _, both := c.get(at + "/capability"); (a.Capability != "" || both) && a.Capabilities != nil {
		return c.at(at+"/capabilities", "give either capability or capabilities")
	}
	if a.Capabilities == nil {
		if p := c.id(at+"/capability", a.Capability); p != nil {
			return p
		}
	} else if len(a.Capabilities) == 0 || len(a.Capabilities) > api.MaxCapabilities {
		return c.at(at+"/capabilities", "must have 1 to %d entries", api.MaxCapabilities)
	}
	for i, name := range a.Capabilities {
		if p := c.id(fmt.Sprintf("%s/capabilities/%d", at, i), name); p != nil {
			return p
		}
	}
	return a.checkSpec(c, at)
}

// checkSpec asks the wire contract about the rest, with an id that stands for those the agents will have.
func (a *Agent) checkSpec(c *checker, at string) *problem {
	for _, path := range []string{"/runtime", "/module", "/dir", "/restart_policy"} {
		if s, ok := c.get(at + path); ok && s == "" {
			return c.at(at+path, "must not be empty")
		}
	}
	kinds := 0
	for field, given := range map[string]bool{"/module": a.Module != "", "/command": len(a.Command) > 0, "/http": a.HTTP != nil} {
		if _, there := c.get(at + field); there || given {
			kinds++
		}
	}
	switch {
	case a.runtime() != api.RuntimeNative && a.runtime() != api.RuntimeExec && a.runtime() != api.RuntimeHTTP:
		return c.at(at+"/runtime", "must be native, exec or http")
	case kinds != 1:
		return c.at(at, "give one of module, for a native agent, command, for an exec agent, and http, for an agent that is an endpoint")
	case a.runtime() != api.RuntimeExec && (a.Dir != "" || a.Env != nil || a.Secrets != nil):
		return c.at(at, "only exec agents have env, secrets and dir")
	case len(a.Config) > 0 && a.Config[0] != '{':
		return c.at(at+"/config", "must be an object")
	}
	if p := c.http(at+"/http", a.HTTP); p != nil {
		return p
	}
	spec := a.spec("x")
	if err := spec.Validate(); err != nil {
		p := &problem{at, err.Error()}
		if e := api.AsError(err); e != nil {
			p.message = e.Message
			if len(e.Details.Fields) > 0 {
				p.pointer += "/" + place(e.Details.Fields[0])
			}
		}
		return p
	}
	return nil
}

// place is where in a job file's agent the wire contract's field is.
func place(field string) string {
	switch first, _, _ := strings.Cut(field, "."); first {
	case "guard":
		field = "http." + field
	case "memory", "cpu":
		field = "resources." + field
	}
	return strings.ReplaceAll(field, ".", "/")
}

func (s *Step) check(c *checker, at string) *problem {
	if p := c.first(
		c.id(at+"/capability", s.Capability),
		c.globs(at+"/include", s.Include),
		c.globs(at+"/exclude", s.Exclude),
		c.number(at+"/attempts", int64(s.Attempts), 1, api.MaxAttempts),
		c.duration(at+"/timeout", s.Timeout),
		c.duration(at+"/backoff", s.Backoff),
	); p != nil {
		return p
	}
	if _, given := c.get(at + "/as"); (given || s.As != "") && s.As != KindFile && s.As != KindValue {
		return c.at(at+"/as", "must be file or value")
	}
	if _, given := c.get(at + "/priority"); (given || s.Priority != "") && s.Priority != api.PriorityHigh && s.Priority != api.PriorityLow {
		return c.at(at+"/priority", "must be high or low")
	}
	spec := api.TaskSpec{Capability: s.Capability, Timeout: s.Timeout, Backoff: s.Backoff}
	if err := spec.Validate(); err != nil {
		return c.at(at+"/backoff", "must be at most 24h")
	}
	return nil
}

func (l *Limits) check(c *checker) *problem {
	if l.MaxFailures != nil && *l.MaxFailures < 0 {
		return c.at("/limits/max_failures", "must be 0 or more")
	}
	if l.MaxCost != nil {
		if p := c.amount("/limits/max_cost", *l.MaxCost); p != nil {
			return p
		}
	}
	return c.first(
		c.number("/limits/max_inflight", int64(l.MaxInflight), 1, MaxInflight),
		c.number("/limits/max_input_bytes", l.MaxInputBytes, 1, api.MaxPayload),
		c.duration("/limits/deadline", l.Deadline),
	)
}

type checker struct{ value any }

func (c *checker) at(pointer, format string, args ...any) *problem {
	return &problem{pointer, fmt.Sprintf(format, args...)}
}

func (c *checker) first(ps ...*problem) *problem {
	if i := slices.IndexFunc(ps, func(p *problem) bool { return p != nil }); i >= 0 {
		return ps[i]
	}
	return nil
}

// get returns the value at the pointer in the file, and whether it is there.
func (c *checker) get(pointer string) (any, bool) {
	v := c.value
	for _, part := range split(pointer) {
		switch x := v.(type) {
		case map[string]any:
			item, ok := x[part]
			if !ok {
				return nil, false
			}
			v = item
		case []any:
			var i int
			if _, err := fmt.Sscan(part, &i); err != nil || i >= len(x) {
				return nil, false
			}
			v = x[i]
		default:
			return nil, false
		}
	}
	return v, v != nil
}

func (c *checker) id(pointer, s string) *problem {
	if !api.ValidID(s) {
		if s == "" {
			return c.at(pointer, "is required")
		}
		return c.at(pointer, "must be 1 to %d characters of A-Z, a-z, 0-9, '_' and '-'", api.MaxIDLength)
	}
	return nil
}

func (c *checker) optionalID(pointer, s string) *problem {
	if _, given := c.get(pointer); !given && s == "" {
		return nil
	}
	return c.id(pointer, s)
}

func (c *checker) name(pointer, s string) *problem {
	if p := c.id(pointer, s); p != nil {
		return p
	}
	if len(s) > MaxNameLength {
		return c.at(pointer, "must have at most %d characters", MaxNameLength)
	}
	return nil
}

func (c *checker) number(pointer string, n, low, high int64) *problem {
	if _, given := c.get(pointer); !given && n == 0 {
		return nil
	}
	if n < low || n > high {
		return c.at(pointer, "must be %d to %d", low, high)
	}
	return nil
}

func (c *checker) duration(pointer string, d api.Duration) *problem {
	if _, given := c.get(pointer); d < 0 || given && d == 0 {
		return c.at(pointer, "must be a duration above 0, such as 90s or 1h30m")
	}
	return nil
}

func (c *checker) amount(pointer string, m api.Micro) *problem {
	if text, given := c.get(pointer); m < 0 || given && text != m.String() {
		return c.at(pointer, "must be an amount in micro-units, such as \"2500000\" for 2.50")
	}
	return nil
}

func (c *checker) globs(pointer string, patterns []string) *problem {
	for i, p := range patterns {
		if p == "" || len(p) > 1024 || !doublestar.ValidatePattern(p) {
			return c.at(fmt.Sprintf("%s/%d", pointer, i), "%.80q is not a glob such as **/*.go", p)
		}
	}
	return nil
}
