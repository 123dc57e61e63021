package gather_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/backup"
	"github.com/mabus-project/mabus/shared/doctor"
	"github.com/mabus-project/mabus/shared/doctor/gather"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

const patience = time.Minute

func dial(t testing.TB, url string) *rpc.Conn {
	t.Helper()
	conn, err := rpc.Dial(t.Context(), rpc.Options{URL: url, Name: t.Name(), Principal: "operator"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// codes are what is found.
func codes(t testing.TB, conn *rpc.Conn) []string {
	t.Helper()
	facts, err := gather.Facts(within(t), conn, gather.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range doctor.Examine(facts) {
		all = append(all, f.Code+" "+f.On)
	}
	return all
}

// world is a registry with a live process in it.
func world(t testing.TB, url string) *rpc.Conn {
	t.Helper()
	conn := dial(t, url)
	s, err := registry.Start(within(t), conn, registry.Config{Version: "0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(context.WithoutCancel(t.Context())) })
	if _, err := rpc.Call(within(t), conn, api.LeasesAcquire, &api.LeaseAcquireRequest{ID: "process"}); err != nil {
		t.Fatal(err)
	}
	registered, err := rpc.Call(within(t), conn, api.ServicesRegister, &api.Service{ID: "r1", Name: "registry", Version: "0.0.1", Lease: "process"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rpc.Call(within(t), conn, api.ServicesList, &api.ServicesListRequest{MinRevision: registered.Revision}); err != nil { // the list has it now
		t.Fatal(err)
	}
	return conn
}

// Each thing is broken for real, on one server, and is named; before anything is broken nothing is.
func TestBrokenThings(t *testing.T) {
	t.Parallel()
	conn := world(t, natstest.Start(t).URL())
	var all []string
	natstest.Eventually(t, patience, func() bool { // what is not answered in time is unknown
		all = codes(t, conn)
		return !slices.ContainsFunc(all, func(c string) bool { return strings.HasPrefix(c, "unknown ") })
	}, "everything is looked at")
	if len(all) > 0 {
		t.Fatalf("a healthy namespace has %v", all)
	}
	stream := func(name string, cfg jetstream.StreamConfig) {
		cfg.Name = api.Bucket(conn.Namespace, name)
		if _, err := conn.JS.CreateStream(within(t), cfg); err != nil {
			t.Fatal(err)
		}
	}
	full := jetstream.KeyValueConfig{Bucket: "mabus_state", MaxBytes: 2000}
	state, err := conn.JS.CreateKeyValue(within(t), full)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := state.Put(within(t), "gone", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	for n := range 100 {
		if _, err := state.Put(within(t), "gone.part."+string(rune('a'+n%26)), []byte("0123456789012345678901234567890123456789")); err != nil {
			break
		}
	}
	stream("tasks", jetstream.StreamConfig{Subjects: []string{"mabus.task.>"}, Retention: jetstream.WorkQueuePolicy})
	stream("log_economics", jetstream.StreamConfig{Subjects: []string{"mabus.log.economics"}})
	if _, err := rpc.Call(within(t), conn, api.AgentsRegister, &api.AgentSpec{ID: "a1"}); err != nil {
		t.Fatal(err)
	}
	budgets, err := conn.JS.CreateKeyValue(within(t), jetstream.KeyValueConfig{Bucket: "mabus_budgets"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := budgets.Put(within(t), "job.j", []byte(`{"holds":{"c":{"max":"5","until":"2020-01-01T00:00:00Z"}}}`)); err != nil {
		t.Fatal(err)
	}
	found := codes(t, conn)
	for _, want := range []string{"service_missing economics", "service_missing agenthost", "orphaned_state gone", "orphaned_budget job.j"} {
		if !slices.Contains(found, want) {
			t.Errorf("%s is not found among %v", want, found)
		}
	}
	if !slices.Contains(found, "full KV_mabus_state") && !slices.Contains(found, "nearly_full KV_mabus_state") {
		t.Errorf("the full bucket is not found among %v", found)
	}
	if err := backup.Fence(within(t), conn); err != nil {
		t.Fatal(err)
	}
	if found := codes(t, conn); !slices.Contains(found, "fenced KV_mabus_agents") {
		t.Errorf("the fence is not found among %v", found)
	}
}

// A namespace whose services are away is not healthy, though nobody can say what is wrong in it.
func TestServicesAway(t *testing.T) {
	t.Parallel()
	conn := dial(t, natstest.Start(t).URL())
	if _, err := conn.JS.CreateKeyValue(within(t), jetstream.KeyValueConfig{Bucket: "mabus_agents"}); err != nil {
		t.Fatal(err)
	}
	if found := codes(t, conn); !slices.Contains(found, "service_missing registry") {
		t.Errorf("the registry is not missed: %v", found)
	}
}

// Without the rights of an operator it is said at once that little can be looked at; with them nobody is suspected of being open.
func TestPermissions(t *testing.T) {
	t.Parallel()
	srv := natstest.StartStrict(t)
	for kind, denied := range map[api.Kind]bool{api.KindAgent: true, api.KindObserver: true, api.KindOperator: false} {
		name := "x" + string(kind)
		conn, err := rpc.Dial(t.Context(), rpc.Options{URL: srv.URL(), Principal: name, Credentials: srv.Creds(t, kind, name)})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		facts, err := gather.Facts(within(t), conn, gather.Options{Credentials: srv.Auth.CredentialsPath("mabus", name)})
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(facts.Denied, "JetStream") != denied || facts.Server.Open || len(facts.Papers) == 0 {
			t.Errorf("%s: denied %v, open %v, papers %v", kind, facts.Denied, facts.Server.Open, facts.Papers)
		}
	}
}

// One node of three is away: the copies on it are named.
func TestANodeIsAway(t *testing.T) {
	t.Parallel()
	cluster := natstest.StartCluster(t, 3)
	conn := dial(t, cluster.URL(0))
	for name, replicas := range map[string]int{"agents": 3, "hosts": 3} {
		if _, err := conn.JS.CreateKeyValue(within(t), jetstream.KeyValueConfig{Bucket: "mabus_" + name, Replicas: replicas}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.JS.CreateStream(within(t), jetstream.StreamConfig{Name: "mabus_events", Subjects: []string{"e"}}); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool { return !slices.Contains(codes(t, conn), "copy_behind KV_mabus_agents") }, "the copies have caught up")
	if found := codes(t, conn); !slices.Contains(found, "too_few_copies mabus_events") {
		t.Errorf("the single copy is not found among %v", found)
	}
	cluster.StopNode(2)
	natstest.Eventually(t, patience, func() bool { return slices.Contains(codes(t, conn), "copy_behind KV_mabus_agents") }, "the copy that is away is found")
}
