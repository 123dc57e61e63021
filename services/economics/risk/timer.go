package risk

import (
	"strings"

	"github.com/mabus-project/mabus/services/economics/act"
)

// Timer does what is due by the clock. The key is kind and id: "violation/<id>", "policy/<id>", "claim/<id>" or "breaker/<name>".
func Timer(a *act.Act, d *Draft, key string) error {
	kind, id, _ := strings.Cut(key, "/")
	switch kind {
	case "violation":
		d.due(a, id)
	case "policy":
		d.expire(a, id)
	case "claim":
		d.review(a, id)
	case "breaker":
		d.tick(a, id)
	}
	return nil
}
