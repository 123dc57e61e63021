package top_test

import (
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/natstest"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

// patience bounds what a loaded machine may take for something that should come at once.
const patience = 30 * time.Second

// noon is when everything in these tests is.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
