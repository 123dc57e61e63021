package authz_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/authz"
)

// What crosses into the account of a namespace is exactly what hosts may publish in theirs; a request for a consumer goes to the registry.
func TestCrossings(t *testing.T) {
	host, seen := authz.Stores("mabus").As("h1"), map[string]bool{}
	for _, c := range authz.Crossings("mabus") {
		if seen[c.Local] || !host.Publish.PermitAll(c.Local) {
			t.Errorf("%s: twice %v", c.Local, seen[c.Local])
		}
		seen[c.Local] = true
		if gate := strings.HasPrefix(c.Subject, "mabus.consumers."); gate != c.Named || !gate && c.Local != c.Subject {
			t.Errorf("%s arrives as %s", c.Local, c.Subject)
		}
		if many := strings.HasPrefix(c.Subject, "$JS.API.CONSUMER.MSG.NEXT."); many != c.Many || many != (c.Quiet > 0) {
			t.Errorf("%s: many answers %v, for %v", c.Subject, c.Many, c.Quiet)
		}
		for _, no := range []string{"$JS.API.CONSUMER.CREATE.mabus_tasks.x", "$JS.API.CONSUMER.CREATE.mabus_tasks", "$JS.API.CONSUMER.DURABLE.CREATE.mabus_tasks.x", "$JS.API.STREAM.UPDATE.mabus_tasks"} {
			if authz.Match(c.Subject, no) {
				t.Errorf("%s lets %s through", c.Subject, no)
			}
		}
	}
	if !seen["$JS.API.INFO"] {
		t.Error("the server would answer for $JS.API in the account of hosts")
	}
	for _, s := range []string{"mabus.as.x.registry.agents.get", "mabus.agent.x", "mabus.consumers.CREATE.mabus_tasks.x", "_INBOX_h1.x", "_R_.x"} {
		if host.Publish.Permit(s) {
			t.Errorf("a host publishes on %s in the account of hosts", s)
		}
	}
}

func TestConsumersOfHosts(t *testing.T) {
	const pull = `{"stream_name":"mabus_tasks","config":{"name":"x","durable_name":"x","ack_policy":"explicit","max_deliver":-1,"num_replicas":1},"action":""}`
	for _, c := range []struct{ rest, body, want string }{
		{"CREATE.mabus_tasks.x", pull, "$JS.API.CONSUMER.CREATE.mabus_tasks.x"},
		{"CREATE.mabus_tasks.x.mabus.task.echo.>", pull, "$JS.API.CONSUMER.CREATE.mabus_tasks.x.mabus.task.echo.>"},
		{"CREATE.KV_mabus_agents.x.$KV.mabus_agents.>", `{"stream_name":"KV_mabus_agents","config":{"name":"x","deliver_policy":"last_per_subject","headers_only":true}}`, "$JS.API.CONSUMER.CREATE.KV_mabus_agents.x.$KV.mabus_agents.>"},
		{"CREATE.mabus_results.events", `{"stream_name":"mabus_results","config":{"durable_name":"events"}}`, "$JS.API.CONSUMER.CREATE.mabus_results.events"},
		{"CREATE.KV_mabus_agents.x", `{"stream_name":"KV_mabus_agents","config":{"name":"x","inactive_threshold":300000000000}}`, "$JS.API.CONSUMER.CREATE.KV_mabus_agents.x"},
		{"CREATE.mabus_tasks.x", strings.Replace(pull, `"name"`, `"inactive_threshold":86400000000000,"name"`, 1), "$JS.API.CONSUMER.CREATE.mabus_tasks.x"},
		{"DELETE.KV_mabus_agents.x", "", "$JS.API.CONSUMER.DELETE.KV_mabus_agents.x"},
		{"DELETE.mabus_results.events", "", "$JS.API.CONSUMER.DELETE.mabus_results.events"},

		{"CREATE.mabus_tasks.x", strings.Replace(pull, `"name"`, `"deliver_subject":"a","name"`, 1), ""},
		{"CREATE.mabus_tasks.x", strings.Replace(pull, `"name"`, `"Deliver_Subject":"a","name"`, 1), ""},
		{"CREATE.mabus_tasks.x", strings.Replace(pull, `"name"`, `"deliver_group":"a","name"`, 1), ""},
		{"CREATE.mabus_tasks.x", strings.Replace(pull, `"action"`, `"config":{"deliver_subject":"a"},"action"`, 1), ""},
		{"CREATE.mabus_tasks.x", strings.Replace(pull, `"action":""`, `"deliver_subject":"a"`, 1), ""},
		{"CREATE.mabus_tasks.x", strings.Replace(pull, `mabus_tasks`, `KV_mabus_locks`, 1), ""},
		{"CREATE.mabus_tasks.y", pull, ""},
		{"CREATE.mabus_tasks", pull, ""},
		{"CREATE.mabus_tasks.x", "", ""},
		{"CREATE.KV_mabus_locks.x", `{"stream_name":"KV_mabus_locks","config":{"name":"x"}}`, ""},
		{"CREATE.KV_mabus_secret_keys.x", `{"stream_name":"KV_mabus_secret_keys","config":{"name":"x"}}`, ""},
		{"CREATE.mabus_events.x", `{"stream_name":"mabus_events","config":{"name":"x"}}`, ""},
		{"CREATE.KV_other_agents.x", `{"stream_name":"KV_other_agents","config":{"name":"x"}}`, ""},
		{"CREATE.KV_mabus_agents.x", `{"stream_name":"KV_mabus_agents","config":{"durable_name":"x"}}`, ""},
		{"CREATE.KV_mabus_agents.x", `{"stream_name":"KV_mabus_agents","config":{"name":"x","inactive_threshold":9223372036854775807}}`, ""},
		{"CREATE.KV_mabus_agents.x", `{"stream_name":"KV_mabus_agents","config":{"name":"x","inactive_threshold":300000000001}}`, ""},
		{"CREATE.KV_mabus_agents.x", `{"stream_name":"KV_mabus_agents","config":null,"config":{"name":"x"}}`, ""},
		{"CREATE.KV_mabus_agents.x", `[]`, ""},
		{"CREATE.KV_mabus_agents.x", `{"stream_name":"KV_mabus_agents","config":{"name":"x","opt_start_seq":-1}}`, ""},
		{"CREATE.KV_mabus_agents.x", "{\"stream_name\":\"KV_mabus_agents\",\"config\":{\"name\":\"\xff\"}}", ""},
		{"CREATE.KV_mabus_agents.events", `{"stream_name":"KV_mabus_agents","config":{"name":"events"}}`, ""},
		{"DELETE.KV_mabus_agents.events", "", ""},
		{"DELETE.KV_mabus_agents.x", "{}", ""},
		{"DELETE.KV_mabus_locks.x", "", ""},
		{"PAUSE.mabus_tasks.x", `{"stream_name":"mabus_tasks","config":{"name":"x"}}`, ""},
		{"", "", ""},
	} {
		subject, body, err := authz.HostConsumer("mabus", c.rest, []byte(c.body))
		if subject != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s %s: %q, %v", c.rest, c.body, subject, err)
		}
		if err == nil && c.body == pull && string(body) != strings.Replace(pull, `,"action":""`, "", 1) {
			t.Errorf("%s becomes %s", c.body, body)
		}
		if e := api.AsError(err); err != nil && e.Code != api.PermissionDenied && e.Code != api.Invalid {
			t.Errorf("%s %s: %v", c.rest, c.body, err)
		}
	}
}

// FuzzHostConsumer reads what is passed on as the server does, which takes any case and the last of what is repeated.
func FuzzHostConsumer(f *testing.F) {
	f.Add("CREATE.mabus_tasks.x", `{"stream_name":"mabus_tasks","config":{"name":"x","deliver_subject":"$KV.mabus_agents.x"}}`)
	f.Add("CREATE.KV_mabus_agents.x.>", `{"stream_name":"KV_mabus_agents","config":{"name":"x","DELIVER_SUBJECT":"a","metadata":{"deliver_subject":"b"}},"action":"create"}`)
	f.Add("DELETE.KV_mabus_agents.x", "")
	for _, body := range []string{
		"", "null", "[]", "{", `{"config":null}`, `{"stream_name":"KV_mabus_agents","config":{"name":"x"}}{}`, strings.Repeat(`{"config":`, 10_000), "\xff\x00",
		`{"stream_name":"KV_mabus_agents","config":{"name":"x","inactive_threshold":9223372036854775807}}`, `{"stream_name":"KV_mabus_agents","config":{"name":"x","opt_start_time":"never"}}`,
		`{"stream_name":"KV_mabus_agents","config":{"name":"x","max_deliver":1e400}}`, `{"stream_name":"KV_mabus_agents","config":{"name":"x","metadata":{"a":{}}}}`,
		`{"stream_name":"KV_mabus_agents","stream_name":"KV_mabus_locks","config":{"name":"x"}}`, `{"stream_name":"KV_mabus_agents","config":{"name":"x","deliver\u005fsubject":"a"}}`,
	} {
		f.Add("CREATE.KV_mabus_agents.x", body)
	}
	f.Fuzz(func(t *testing.T, rest, body string) {
		subject, request, err := authz.HostConsumer("mabus", rest, []byte(body))
		if err != nil {
			if subject != "" || request != nil {
				t.Errorf("%q %q is refused, and asks %q", rest, body, subject)
			}
			return
		}
		verb, stream, _ := strings.Cut(strings.TrimPrefix(subject, "$JS.API.CONSUMER."), ".")
		stream, _, _ = strings.Cut(stream, ".")
		if verb == "DELETE" && len(request) == 0 {
			return
		}
		var r struct {
			Stream string `json:"stream_name"`
			Config struct {
				Deliver string `json:"deliver_subject"`
				Group   string `json:"deliver_group"`
				Durable string `json:"durable_name"`
				Stays   int64  `json:"inactive_threshold"`
			} `json:"config"`
		}
		if err := json.Unmarshal(request, &r); verb != "CREATE" || err != nil || r.Config.Deliver != "" || r.Config.Group != "" || r.Stream != stream {
			t.Errorf("%q %q asks %q %s: %v", rest, body, subject, request, err)
		}
		if strings.HasPrefix(stream, "KV_mabus_agents") && (r.Config.Durable != "" || r.Config.Stays > int64(5*time.Minute)) {
			t.Errorf("%q %q leaves a consumer: %s", rest, body, request)
		}
	})
}
