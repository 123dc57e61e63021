package coordination

import (
	"github.com/mabus-project/mabus/services/coordination/realm"
	"github.com/mabus-project/mabus/services/coordination/session"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
	"github.com/mabus-project/mabus/shared/replog/tell"
)

// told returns what an entry has changed of protocols and variables. Changes of variables that a session decides are told by the session.
func told(a *engine.Applied) (all []tell.Change) {
	if a.Batch == nil || a.Skipped != "" {
		return nil
	}
	for i := range a.Batch.Commands {
		c, r := &a.Batch.Commands[i], &a.Replies[i]
		if r.Err != nil || r.Repeated {
			continue
		}
		var body struct {
			Name    string `json:"name"`
			Request struct {
				Name string `json:"name"`
			} `json:"request"`
		}
		var answer struct {
			State   api.UpdateState `json:"state"`
			Session string          `json:"session"`
			Existed bool            `json:"existed"`
		}
		change := tell.Change{Principal: c.Principal, Correlation: c.ID}
		switch c.Kind {
		case session.KindRegister:
			change.Noun, change.What = "protocols", "registered"
		case session.KindUpdate:
			change.Noun, change.What = "protocols", "updated"
		case session.KindUnregister:
			change.Noun, change.What = "protocols", "unregistered"
		case realm.KindRegister:
			change.Noun, change.What = "variables", "registered"
		case realm.KindUpdate:
			change.Noun, change.What = "variables", "updated"
		case realm.KindDelete:
			change.Noun, change.What = "variables", "deleted"
		default:
			continue
		}
		if codec.Read(c.Body, &body) != nil || codec.Read(r.Answer, &answer) != nil {
			continue
		}
		switch c.Kind {
		case realm.KindUpdate:
			if body.Name = body.Request.Name; answer.State != api.UpdateApplied || answer.Session != "" {
				continue
			}
		case session.KindUnregister, realm.KindDelete:
			if !answer.Existed {
				continue
			}
		}
		if change.ID = body.Name; api.ValidID(change.ID) {
			all = append(all, change)
		}
	}
	return all
}
