package realm

import (
	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/shared/api"
)

// MaxGone bounds the entities of which the state still knows that they have left it.
const MaxGone = 8192

// Gone are the entities that have left the state last. A replica looks whether an id was used before it has the machine create something:
// what came, ended and went to the archive between that look and the command is found here.
type Gone struct {
	Last []Left `json:"last,omitempty"`
	// Floor is the entry of the log by which others had left, which are forgotten.
	Floor uint64 `json:"floor,omitempty"`
}

// Left is an entity that has left the state, with the entry of the log that it left by.
type Left struct {
	Entity string `json:"entity"`
	Seq    uint64 `json:"seq"`
}

// add takes note of one, and forgets the older half when there are too many.
func (g *Gone) add(entity string, seq uint64) {
	if len(g.Last) >= MaxGone {
		half := len(g.Last) / 2
		g.Floor = g.Last[half-1].Seq
		g.Last = append(make([]Left, 0, MaxGone), g.Last[half:]...)
	}
	g.Last = append(g.Last, Left{entity, seq})
}

// since tells whether the entity of a call has left after what the replica had seen. It is overloaded when that is too long ago to tell.
func (g *Gone) since(c *act.Call) (bool, error) {
	if c.Entity == "" {
		return false, nil
	}
	if c.Seen < g.Floor {
		return false, api.Errorf(api.Overloaded, "too much has ended since it was looked whether %s is taken: ask again", c.Entity).
			WithReason(api.ReasonServerFull)
	}
	for i := len(g.Last) - 1; i >= 0 && g.Last[i].Seq > c.Seen; i-- {
		if g.Last[i].Entity == c.Entity {
			return true, nil
		}
	}
	return false, nil
}
