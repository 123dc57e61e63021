package await_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mabus-project/mabus/shared/await"
)

func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		if !await.Pause(t.Context(), time.Minute) || time.Since(begin) != time.Minute {
			t.Errorf("it took %s", time.Since(begin))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if await.Pause(ctx, time.Minute) || time.Since(begin) != time.Minute+time.Second {
			t.Errorf("given up after %s", time.Since(begin)-time.Minute)
		}
		if await.Pause(ctx, 0) {
			t.Error("given up before")
		}
	})
}
