package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

var specFlagNames = []string{
	"type", "capability", "tag", "module", "http", "concurrency", "mailbox", "env", "secret", "dir", "grace", "message-timeout", "memory", "cpu", "max-cost",
	"restart", "max-restarts", "max-seconds", "shutdown", "group", "strategy", "position",
	"place-host", "place-tag", "place-prefer", "place-near", "place-apart", "place-cpu", "place-memory", "config", "metadata",
}

// newSpec is a new agent as the command line describes it.
type newSpec struct {
	api.AgentSpec
	config, metadata, http, memory string
	secrets                        map[string]string
	cpu                            float64
	group                          api.Group
	place                          api.Placement
	placeMemory                    string
	placeCPU                       float64
}

func (s *newSpec) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.Type, "type", "", "type of the agent (worker)")
	f.StringSliceVar(&s.Capabilities, "capability", nil, "capability; may be given several times")
	f.StringSliceVar(&s.Tags, "tag", nil, "tag; may be given several times")
	f.StringVar(&s.Module, "module", "", "Go type of a native agent")
	f.StringVar(&s.http, "http", "", "endpoint of an http agent: its URL, or a JSON object with url, format, model, guard and so on")
	f.IntVar(&s.Concurrency, "concurrency", 0, "messages that it handles at once (1)")
	f.IntVar(&s.Mailbox, "mailbox", 0, "messages that wait for it before others are refused (1024)")
	f.StringToStringVar(&s.Env, "env", nil, "environment of an exec agent, NAME=VALUE")
	f.StringToStringVar(&s.secrets, "secret", nil, "environment of an exec agent, NAME=REFERENCE: env:NAME, file:/path or secret:NAME of the host")
	f.StringVar(&s.Dir, "dir", "", "working directory of an exec agent")
	f.DurationVar((*time.Duration)(&s.Grace), "grace", 0, "how long an exec agent may go on with what was cancelled (5s)")
	f.DurationVar((*time.Duration)(&s.Timeout), "message-timeout", 0, "the longest that it has for one message")
	f.StringVar(&s.memory, "memory", "", "memory that an exec agent and what it starts may use, such as 512MiB")
	f.Float64Var(&s.cpu, "cpu", 0, "processors that an exec agent may use, such as 0.5")
	f.Var(microFlag{&s.MaxCost}, "max-cost", "the most that one of its answers may cost")
	f.StringVar((*string)(&s.RestartPolicy), "restart", "", "permanent, transient or temporary (permanent)")
	f.Func("max-restarts", "restarts within --max-seconds after which it is given up (10)", count(&s.MaxRestarts))
	f.Func("max-seconds", "the time in which --max-restarts are counted (60)", count(&s.MaxSeconds))
	f.DurationVar((*time.Duration)(&s.Shutdown), "shutdown", 0, "how long it has for its orderly end (4s)")
	f.StringVar(&s.group.Name, "group", "", "group of agents on one host that restart together")
	f.StringVar((*string)(&s.group.Strategy), "strategy", "", "whom in the group its crash restarts: one_for_one, one_for_all or rest_for_one (one_for_one)")
	f.IntVar(&s.group.Position, "position", 0, "its place in the order of the group (0)")
	f.StringSliceVar(&s.place.Hosts, "place-host", nil, "only a host of this id may run it; may be given several times")
	f.StringSliceVar(&s.place.Tags, "place-tag", nil, "only a host that has this tag may run it; may be given several times")
	f.StringSliceVar(&s.place.Prefer, "place-prefer", nil, "a host that has this tag is better; may be given several times")
	f.StringSliceVar(&s.place.Near, "place-near", nil, "agent whose host should run it too; may be given several times")
	f.StringSliceVar(&s.place.Apart, "place-apart", nil, "agent whose host must not run it; may be given several times")
	f.Float64Var(&s.placeCPU, "place-cpu", 0, "processors that its host must have left, such as 0.5 (--cpu)")
	f.StringVar(&s.placeMemory, "place-memory", "", "memory that its host must have left, such as 512MiB (--memory)")
	f.StringVar(&s.config, "config", "", "JSON object handed to the agent")
	f.StringVar(&s.metadata, "metadata", "", "JSON object of your own")
}

// build completes the specification from the arguments "ID [-- COMMAND...]".
func (s *newSpec) build(a []string) error {
	s.ID, s.Command = a[0], a[1:]
	s.Config, s.Metadata = json.RawMessage(s.config), json.RawMessage(s.metadata)
	if err := errors.Join(checkJSON("--config", s.config), checkJSON("--metadata", s.metadata)); err != nil {
		return err
	}
	if err := s.buildHTTP(); err != nil {
		return err
	}
	for name, ref := range s.secrets {
		if s.Secrets == nil {
			s.Secrets = map[string]api.SecretRef{}
		}
		s.Secrets[name] = api.SecretRef(ref)
	}
	memory, err := parseSize(s.memory)
	if err != nil {
		return fmt.Errorf("%w: --memory: %w", errUsage, err)
	}
	if r := (api.Resources{Memory: memory, CPU: int(math.Round(s.cpu * 1000))}); r != (api.Resources{}) {
		s.Resources = &r
	}
	return s.buildSupervision()
}

func (s *newSpec) buildSupervision() error {
	if s.group != (api.Group{}) {
		s.Group = &s.group
	}
	memory, err := parseSize(s.placeMemory)
	if err != nil {
		return fmt.Errorf("%w: --place-memory: %w", errUsage, err)
	}
	s.place.Memory, s.place.CPU = memory, int(math.Round(s.placeCPU*1000))
	if !reflect.ValueOf(s.place).IsZero() {
		s.Placement = &s.place
	}
	return nil
}

// count reads a number into a field that may be absent.
func count(to **int) func(string) error {
	return func(text string) error {
		n, err := strconv.Atoi(text)
		*to = &n
		return err
	}
}

func (s *newSpec) buildHTTP() error {
	switch {
	case s.http == "":
		return nil
	case !strings.HasPrefix(s.http, "{"):
		s.HTTP = &api.HTTPSpec{URL: s.http}
		return nil
	}
	s.HTTP = new(api.HTTPSpec)
	if err := codec.Decode([]byte(s.http), s.HTTP); err != nil {
		return fmt.Errorf("%w: --http: %w", errUsage, err)
	}
	return nil
}
