package setting

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

// listen answers setting.sections.effective. It is no server of a service: every process has it, and discovery shows services.
func (f *follower) listen(r *run) error {
	ns := f.conn.Namespace
	plain := api.ConfigInForceGet.Subject(ns)
	for _, subject := range []string{plain, api.As(ns, "*", plain)} {
		sub, err := f.conn.NC.Subscribe(subject, func(m *nats.Msg) {
			principal := ""
			if m.Subject != plain {
				principal, _, _ = strings.Cut(m.Subject[len(ns)+len(".as."):], ".")
			}
			f.answer(m, principal)
		})
		if err != nil {
			for _, sub := range r.subs {
				_ = sub.Unsubscribe()
			}
			return api.Errorf(api.Unavailable, "the process cannot listen: %v", err)
		}
		r.subs = append(r.subs, sub)
	}
	return nil
}

func (f *follower) answer(m *nats.Msg, principal string) {
	if m.Reply == "" || f.conn.Kind() != "" && !rpc.OwnInbox(principal, m.Reply) {
		return
	}
	var req api.ConfigEffectiveRequest
	err := codec.Decode(m.Data, &req)
	if err == nil {
		err = req.Validate()
	}
	if err != nil {
		_ = f.conn.ReplyError(m.Reply, api.AsError(err))
		return
	}
	body, err := codec.Marshal(f.inForce(req.Section))
	if err == nil {
		err = f.conn.NC.Publish(m.Reply, body)
	}
	if err != nil {
		f.log.Debug().Err(err).Msg("answer not sent")
	}
}

// inForce tells by what this process goes.
func (f *follower) inForce(section string) *api.ConfigEffective {
	d, known := f.document()
	resp := &api.ConfigEffective{Process: f.process, Name: f.conn.NC.Opts.Name, At: time.Now().UTC(), Version: versionOf(d), Sections: []api.ConfigSectionInForce{}}
	if age := f.age(); known && age < math.MaxInt64 {
		resp.Age = new(api.Duration)
		*resp.Age = api.Duration(age.Round(time.Millisecond))
	}
	f.mu.Lock()
	parts := slices.Clone(f.parts)
	f.mu.Unlock()
	for _, p := range parts {
		if name := p.registration().Name; section == "" || name == section {
			resp.Sections = append(resp.Sections, p.InForce())
		}
	}
	return resp
}
