package economics

import (
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// For tests.
var (
	WithRevision = withRevision
	Page         = page[*ledger.Asset]
)

// WithMachine is a configuration of a replica with other versions of the rules.
func WithMachine(machine func() engine.Machine[*realm.State]) Config { return Config{machine: machine} }
