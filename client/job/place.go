package job

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
)

// Placement is one agent of the job and the host to start it on.
type Placement struct {
	Host string
	Spec api.AgentSpec
}

// Place returns every agent that the job wants on the given hosts: as many as per_host says on each, and the replicas of
// the others dealt out in turn. Ids depend on the run's id, the agent's name, the number and, for per_host, the host:
// when a host joins, the agents that were there before keep their ids, and only those that are new have new ones. Starting
// again what runs already is refused as already_running. Replicas keep their ids too, so a host that joins gets none of them.
func (j *Job) Place(jobID string, hosts []string) []Placement {
	hosts = slices.Clone(hosts)
	slices.Sort(hosts)
	hosts = slices.Compact(hosts)
	if len(hosts) == 0 {
		return nil
	}
	var all []Placement
	next := 0 // goes on from agent to agent, so that many small ones spread too
	for i := range j.Agents {
		a := &j.Agents[i]
		for n := range a.Replicas {
			all = append(all, Placement{hosts[next%len(hosts)], a.specFor(jobID, "", n)})
			next++
		}
		for _, host := range hosts {
			for n := range a.PerHost {
				all = append(all, Placement{host, a.specFor(jobID, host, n)})
			}
		}
	}
	return all
}

func (a *Agent) specFor(jobID, host string, n int) api.AgentSpec {
	s := a.spec(a.Name + "-" + shortHash(10, "agent", jobID, a.Name, host) + "-" + strconv.Itoa(n+1))
	if tag := JobTag(jobID); !slices.Contains(s.Tags, tag) {
		s.Tags = append(slices.Clone(s.Tags), tag)
	}
	if s.Ask != nil {
		s.Capabilities = append(slices.Clone(s.Capabilities), api.OwnCapability(s.ID))
	}
	return s
}

// JobTag is the tag that all agents of a run carry.
func JobTag(jobID string) string { return "job:" + jobID }

func (a *Agent) spec(id string) api.AgentSpec {
	caps := a.Capabilities
	if a.Capability != "" {
		caps = []string{a.Capability}
	}
	return api.AgentSpec{
		ID: id, Type: a.Type, Capabilities: caps, Tags: a.Tags, Runtime: a.runtime(), Module: a.Module, Command: a.Command,
		Env: a.Env, Secrets: a.Secrets, Dir: a.Dir, HTTP: a.HTTP, Config: a.Config, Concurrency: a.Concurrency, Mailbox: a.Mailbox,
		Timeout: a.Timeout, Grace: a.Grace, Resources: a.Resources, MaxCost: a.MaxCost, Ask: a.Ask,
		RestartPolicy: a.RestartPolicy, MaxRestarts: a.MaxRestarts, MaxSeconds: a.MaxSeconds,
	}
}

// Resolve makes the paths of exec agents absolute: relative to dir, the absolute path of the job file's folder. A command
// without a slash is looked up by the host, and an agent without a dir runs in the job file's folder.
func (j *Job) Resolve(dir string) {
	for i := range j.Agents {
		a := &j.Agents[i]
		if a.runtime() != api.RuntimeExec {
			continue
		}
		if !filepath.IsAbs(a.Dir) {
			a.Dir = filepath.Join(dir, filepath.FromSlash(a.Dir))
		}
		if name := a.Command[0]; strings.ContainsRune(filepath.ToSlash(name), '/') && !filepath.IsAbs(name) {
			a.Command = slices.Clone(a.Command)
			a.Command[0] = filepath.Join(dir, filepath.FromSlash(name))
		}
	}
}
