package main

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mabus-project/mabus/services/agenthost/budgets"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

const poorScript = `while IFS= read -r line; do
  case $line in '{"type":"message",'*) ;; *) continue ;; esac
  id=${line#*\"id\":\"}
  id=${id%%\"*}
  if [ -e rich ]; then
    printf '{"type":"result","id":"%s","payload":true}\n' "$id"
  else
    printf '{"type":"error","id":"%s","error":{"code":"failed_precondition","message":"no money","details":{"reason":"budget_exhausted"}}}\n' "$id"
  fi
done
`

// TestRunWithoutMoney: a run that is stopped by its budget says what was spent and with which command it goes on, and that
// command does it.
func TestRunWithoutMoney(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "job.yaml"), "version: 1\nname: poor\nagents: [{name: p, capability: p, command: [sh, poor.sh]}]\ntasks: [{capability: p}]\n")
	write(t, filepath.Join(dir, "poor.sh"), poorScript)
	write(t, filepath.Join(dir, "in.jsonl"), "1\n2\n3\n")
	up := start(t, dir, "up", "--port", "0", "--data", "d")
	url := found(t, filepath.Join(dir, "d"))
	conn, err := rpc.Dial(t.Context(), rpc.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	store, err := budgets.Open(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Set(t.Context(), api.Cause{}, &api.BudgetSetRequest{Scope: api.BudgetJob, ID: "r1", Cap: 2_500_000}); err != nil {
		t.Fatal(err)
	}
	r, err := store.Reserve(t.Context(), budgets.Call{ID: "c1", Job: "r1", Max: 2_400_000})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Settle(t.Context(), api.Usage{Cost: 2_400_000}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Reserve(t.Context(), budgets.Call{ID: "c2", Job: "r1", Max: 100_001}); api.ReasonOf(err) != api.ReasonBudgetExhausted {
		t.Fatal(err)
	}
	p := start(t, dir, "run", "--data", "d", "--id", "r1", "--max-cost", "2500000", "job.yaml", "in.jsonl")
	if code := p.status(t); code != 1 {
		t.Errorf("exit status %d", code)
	}
	_, said, _ := strings.Cut(p.stderr.String(), "mabus: ")
	const want = "stopped: 2.40 of the job's cap of 2.50 are spent, which leaves no room for the next call; 0 of 3 tasks are done and 3 wait for a higher cap\n" +
		"Take it up again with a higher cap, for example:\n  mabus run --id r1 --data=d --max-cost=5000000 job.yaml in.jsonl\n"
	if said != want {
		t.Errorf("it says %q", p.stderr.String())
	}
	write(t, filepath.Join(dir, "rich"), "")
	_, command, _ := strings.Cut(strings.TrimSpace(said), "\n  mabus ")
	if code := start(t, dir, strings.Fields(command)...).status(t); code != 0 {
		t.Errorf("exit status %d", code)
	}
	checkComplete(t, filepath.Join(dir, "results.jsonl"), 3)
	up.signal(t, syscall.SIGINT)
	if code := up.status(t); code != 0 {
		t.Errorf("up: exit status %d", code)
	}
}
