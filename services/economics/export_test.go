package economics

import "github.com/mabus-project/mabus/services/economics/ledger"

// For tests.
var (
	WithRevision = withRevision
	Page         = page[*ledger.Asset]
)
