package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

var specFlagNames = []string{
	"type", "capability", "tag", "module", "http", "concurrency", "mailbox", "env", "dir", "grace", "message-timeout", "memory", "cpu", "max-cost",
	"restart", "config", "metadata",
}

// newSpec is a new agent as the command line describes it.
type newSpec struct {
	api.AgentSpec
	config, metadata, http, memory string
	cpu                            float64
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
	f.StringVar(&s.Dir, "dir", "", "working directory of an exec agent")
	f.DurationVar((*time.Duration)(&s.Grace), "grace", 0, "how long an exec agent may go on with what was cancelled (5s)")
	f.DurationVar((*time.Duration)(&s.Timeout), "message-timeout", 0, "the longest that it has for one message")
	f.StringVar(&s.memory, "memory", "", "memory that an exec agent and what it starts may use, such as 512MiB")
	f.Float64Var(&s.cpu, "cpu", 0, "processors that an exec agent may use, such as 0.5")
	f.Var(microFlag{&s.MaxCost}, "max-cost", "the most that one of its answers may cost")
	f.StringVar((*string)(&s.RestartPolicy), "restart", "", "permanent, transient or temporary (permanent)")
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
	memory, err := parseSize(s.memory)
	if err != nil {
		return fmt.Errorf("%w: --memory: %w", errUsage, err)
	}
	if r := (api.Resources{Memory: memory, CPU: int(math.Round(s.cpu * 1000))}); r != (api.Resources{}) {
		s.Resources = &r
	}
	return nil
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
