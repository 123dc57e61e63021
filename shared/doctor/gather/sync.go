package gather

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/codec"
)

// varz is what is read of a server's description of itself.
type varz struct {
	JetStream struct {
		Config *struct {
			SyncInterval int64 `json:"sync_interval"` // nanoseconds
			SyncAlways   bool  `json:"sync_always"`
		} `json:"config"`
	} `json:"jetstream"`
}

const maxVarz = 1 << 20 // bytes

// sync asks the server how soon what it has acknowledged is on the disk: over NATS, which only the system account may, or over HTTP. That a server
// on loopback does not say is nothing to tell of, as the rules do not judge it by that.
func (g *gathering) sync(ctx context.Context, monitor string) {
	v, err := g.varz(ctx, monitor)
	if err == nil && v.JetStream.Config == nil {
		err = errors.New("the server does not say")
	}
	if err != nil && monitor == "" && g.facts.Server.Loopback {
		return
	}
	if err != nil {
		g.failed("sync_interval", fmt.Errorf("only the server's system account may ask (give --monitor with the URL of its monitoring port): %w", err))
		return
	}
	every := time.Duration(v.JetStream.Config.SyncInterval)
	if v.JetStream.Config.SyncAlways {
		every = 0
	}
	g.facts.Server.Sync = &every
}

func (g *gathering) varz(ctx context.Context, monitor string) (*varz, error) {
	var body []byte
	if monitor != "" {
		ctx, cancel := context.WithTimeout(ctx, askTime)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(monitor, "/")+"/varz", nil)
		if err != nil {
			return nil, err
		}
		req.Close = true
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		if body, err = io.ReadAll(io.LimitReader(resp.Body, maxVarz)); err != nil {
			return nil, err
		}
	} else {
		ctx, cancel := context.WithTimeout(ctx, askTime/6)
		defer cancel()
		msg, err := g.conn.NC.RequestWithContext(ctx, "$SYS.REQ.SERVER.PING.VARZ", nil)
		if err != nil {
			return nil, err
		}
		var answer struct {
			Data varz `json:"data"`
		}
		return &answer.Data, codec.Read(msg.Data, &answer)
	}
	var v varz
	return &v, codec.Read(body, &v)
}

// loopback tells whether a host is this machine, by its address alone.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
