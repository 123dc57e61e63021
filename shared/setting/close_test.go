package setting_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/setting"
)

// A setting that is closed while another one of its connection hears of a change hears of it no more.
func TestAClosedSettingIsToldNothing(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	startRegistry(t, srv.URL())
	conn := dial(t, srv.URL())
	first, closed, last := section(nil), section(nil), section(nil)
	hears, goes := make(chan struct{}, 1), make(chan struct{})
	first.Changed = func(*sample, *sample) { hears <- struct{}{}; <-goes }
	var told atomic.Bool
	closed.Changed = func(*sample, *sample) { told.Store(true) }
	var all [3]*setting.Setting[sample]
	for i, s := range []setting.Section[sample]{first, closed, last} { // they are told in this order
		all[i] = open(t, conn, s)
	}
	goOn := sync.OnceFunc(func() { close(goes) })
	t.Cleanup(goOn)
	c := client.New(dial(t, srv.URL()))
	natstest.Eventually(t, patience, func() bool { _, err := c.Config.Set(t.Context(), "sample.every", "7s"); return err == nil }, "the section is registered")
	<-hears
	all[1].Close()
	goOn()
	natstest.Eventually(t, patience, func() bool { return all[2].Current().Every == api.Duration(7*time.Second) }, "the last is told")
	if every := all[1].Current().Every; told.Load() || every != api.Duration(time.Minute) {
		t.Errorf("what is closed is told of a change (%t), and has %s", told.Load(), every)
	}
}
