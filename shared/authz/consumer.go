package authz

import (
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// consumerRequest is what a host may say when it makes a consumer: what concerns pulling. Above all it has no deliver_subject.
type consumerRequest struct {
	Stream string         `json:"stream_name"`
	Config consumerConfig `json:"config"`
	Action string         `json:"action,omitempty"`
}

type consumerConfig struct {
	Name              string            `json:"name,omitempty"`
	Durable           string            `json:"durable_name,omitempty"`
	Description       string            `json:"description,omitempty"`
	DeliverPolicy     string            `json:"deliver_policy,omitempty"`
	OptStartSeq       uint64            `json:"opt_start_seq,omitempty"`
	OptStartTime      *time.Time        `json:"opt_start_time,omitempty"`
	AckPolicy         string            `json:"ack_policy,omitempty"`
	AckWait           int64             `json:"ack_wait,omitempty"` // ns, as all times here
	MaxDeliver        int               `json:"max_deliver,omitempty"`
	FilterSubject     string            `json:"filter_subject,omitempty"`
	FilterSubjects    []string          `json:"filter_subjects,omitempty"`
	ReplayPolicy      string            `json:"replay_policy,omitempty"`
	MaxWaiting        int               `json:"max_waiting,omitempty"`
	MaxAckPending     int               `json:"max_ack_pending,omitempty"`
	HeadersOnly       bool              `json:"headers_only,omitempty"`
	MaxRequestBatch   int               `json:"max_batch,omitempty"`
	MaxRequestExpires int64             `json:"max_expires,omitempty"`
	InactiveThreshold int64             `json:"inactive_threshold,omitempty"`
	Replicas          int               `json:"num_replicas"`
	MemoryStorage     bool              `json:"mem_storage,omitempty"`
	Metadata          map[string]string `json:"metadata,omitempty"`
}

// idleConsumer is for how long a host may have the server keep a consumer that nobody uses in a stream that is not hosts' own: there is room for so
// many of them, and services need theirs. It is what client libraries ask for.
const idleConsumer = 5 * time.Minute

// HostConsumer judges a request of a host that came on api.HostConsumerSubject(ns, rest), and returns what to ask of JetStream in its place:
// the subject, and the body anew, of nothing but what was understood. Only streams that hosts may read have consumers of theirs; those with
// a name that stays are for their own streams, and the services' outboxes are not theirs to touch.
func HostConsumer(ns, rest string, body []byte) (subject string, request []byte, err error) {
	verb, at, _ := strings.Cut(rest, ".")
	stream, at, _ := strings.Cut(at, ".")
	consumer, _, _ := strings.Cut(at, ".")
	own, ok := readable(ns, stream)
	switch {
	case !ok || consumer == "" || consumer == api.OutboxConsumer && !own:
		return "", nil, api.Errorf(api.PermissionDenied, "hosts have no business with consumer %.64q of stream %.64q", consumer, stream).WithReason(api.ReasonNotGranted)
	case verb == "DELETE" && len(body) == 0:
		return jsAPI + "CONSUMER." + rest, nil, nil
	case verb != "CREATE":
		return "", nil, api.Errorf(api.PermissionDenied, "hosts may not %.64s consumers so", verb).WithReason(api.ReasonNotGranted)
	}
	var r consumerRequest
	if err := codec.Decode(body, &r); err != nil {
		return "", nil, err
	}
	switch name := r.Config.Name; {
	case r.Stream != stream || name != "" && name != consumer || r.Config.Durable != "" && r.Config.Durable != consumer:
		return "", nil, api.Errorf(api.Invalid, "the body is about another consumer than the subject").WithFields("config.name")
	case r.Config.Durable != "" && !own:
		return "", nil, api.Errorf(api.PermissionDenied, "hosts keep no consumers in stream %.64s", stream).WithReason(api.ReasonNotGranted).WithFields("config.durable_name")
	case !own && r.Config.InactiveThreshold > int64(idleConsumer):
		return "", nil, api.Errorf(api.PermissionDenied, "hosts leave no consumers in stream %.64s for longer than %s", stream, idleConsumer).
			WithReason(api.ReasonNotGranted).WithFields("config.inactive_threshold")
	}
	request, err = codec.Marshal(r)
	return jsAPI + "CONSUMER." + rest, request, err
}

// readable tells whether hosts may read a stream, and whether it is their own.
func readable(ns, stream string) (own, ok bool) {
	for _, s := range api.Stores {
		if s.Stream(ns) == stream {
			return s.Owner == "agenthost", hostAccess(s) >= read && s.Kind != api.StoreObjects
		}
	}
	return false, false
}
