package credential_test

import (
	"testing"

	"github.com/mabus-project/mabus/shared/natstest"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }
