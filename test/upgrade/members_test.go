package upgrade_test

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

// seats are the members of the story's sessions that no host runs: six that answer, one that is silent, and one that fails.
var seats = []string{"m0", "m1", "m2", "m3", "m4", "m5", "mute", "broken"}

// seat has them answer until the test ends.
func seat(t *testing.T, conn *rpc.Conn) {
	t.Helper()
	var work sync.WaitGroup
	t.Cleanup(work.Wait) // after the others, which end it
	for _, id := range seats {
		questions := make(chan *nats.Msg, 64)
		sub, err := conn.NC.ChanSubscribe(api.AgentSubject(conn.Namespace, id), questions)
		if err != nil {
			t.Fatal(err)
		}
		work.Go(func() {
			for m := range questions {
				if err := reply(t.Context(), conn.WithPrincipal(id), id, m); err != nil {
					t.Errorf("%s: %v", id, err)
				}
			}
		})
		t.Cleanup(func() {
			_ = sub.Unsubscribe()
			close(questions)
		})
	}
	if err := conn.NC.Flush(); err != nil {
		t.Fatal(err)
	}
}

// reply says that the question has come, and answers it in the member's name.
func reply(ctx context.Context, conn *rpc.Conn, id string, m *nats.Msg) error {
	body, err := conn.Body(ctx, m.Header, m.Data)
	if err != nil {
		return err
	}
	if err := m.Respond([]byte("{}")); err != nil {
		return err
	}
	var q api.SessionQuestion
	if err := codec.Read(body, &q); err != nil {
		return err
	}
	r := api.SessionAnswerRequest{Session: q.Session, Round: q.Round}
	switch id {
	case "mute":
		return nil
	case "broken":
		r.Error = "broken: on purpose"
	default:
		if r.Answer, err = codec.Marshal(says(id, &q)); err != nil {
			return err
		}
	}
	_, err = rpc.Call(ctx, conn, api.SessionsAnswer, &r)
	if reason := api.ReasonOf(err); reason == api.ReasonSessionEnded || reason == api.ReasonRoundClosed {
		return nil
	}
	return err
}

// says is the answer of a member, in the form that the session's type asks for.
func says(id string, q *api.SessionQuestion) any {
	n, _ := strconv.Atoi(id[1:])
	switch q.Type {
	case api.SessionVoting:
		return []string{"yes", "no"}
	case api.SessionWeighted:
		return "approve"
	case api.SessionIterative:
		if q.Phase != "proposal" {
			return map[string]float64{"m" + strconv.Itoa(1-n): 0.5}
		}
		return map[string]any{"proposal": "the quick brown fox " + id, "confidence": 0.5}
	case api.SessionHierarchical:
		if q.Phase == "election" {
			var a api.HierarchyElectionAsk
			if codec.Read(q.Ask, &a) == nil && len(a.Members) > 0 {
				return a.Members[0]
			}
		}
	case api.SessionNegotiation:
		if q.Phase == "offer" {
			return map[string]int{"m0": 60, "m1": 40}
		}
		return "accept"
	case api.SessionAllocation:
		return map[string]int{"cpu": 2 + 8*n}
	case api.SessionEnsemble, api.SessionFusion:
		return []string{"cat", "dog", "cat", "cat"}[n]
	case api.SessionSearch:
		var a api.SearchAsk
		if codec.Read(q.Ask, &a) == nil {
			return a.Config["x"]
		}
	case api.SessionTournament:
		return n + 1
	case api.SessionReasoning:
		return map[string]any{"answer": 42, "steps": []string{"add"}}
	case api.SessionTools:
		return map[string]any{"output": "done by " + id}
	case api.SessionDecision:
		return map[string]any{"value": 7}
	case api.SessionAnnouncement:
		return "noted"
	}
	return json.RawMessage(`"yes"`)
}
