package coordination_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// A session of as many members as there may be, who have as many capabilities as they may, begins, and is told in full.
func TestTheLargestSessionBegins(t *testing.T) {
	h := newHall(t, 1)
	var capabilities []string
	for i := range api.MaxCapabilities {
		capabilities = append(capabilities, fmt.Sprintf("capability-%02d-%s", i, strings.Repeat("x", 40)))
	}
	var ids []string
	var specs []api.AgentSpec
	for i := range api.MaxSessionMembers {
		id := fmt.Sprintf("member-%04d-%s", i, strings.Repeat("x", 50))
		ids = append(ids, id)
		specs = append(specs, api.AgentSpec{ID: id, Type: "voter", Runtime: api.RuntimeExternal, Capabilities: capabilities})
	}
	must(t, h.conn, api.AgentsRegisterMany, api.AgentsRegisterManyRequest{Agents: specs})
	r := vote(ids...)
	r.ID, r.Timeout = "s", api.Duration(time.Minute)
	r.Question = json.RawMessage(`"` + strings.Repeat("q", api.MaxSessionQuestion-2) + `"`)
	x := h.open(t, r)
	if len(x.Members) != len(ids) {
		t.Errorf("it has %d members", len(x.Members))
	}
	if _, err := h.Sessions.Cancel(until(t), "s", ""); err != nil {
		t.Error(err)
	}
}
