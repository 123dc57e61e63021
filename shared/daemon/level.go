package daemon

import (
	"context"
	"sync"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/setting"
)

// logging is the section "log" of the configuration.
type logging struct {
	Level string `json:"level" jsonschema:"enum=debug,enum=info,enum=warn,enum=error" jsonschema_description:"what processes log: that level and what is worse"`
}

// followLevel has the log follow the configuration, until stop is called.
func (p *process) followLevel(ctx context.Context, conn *rpc.Conn) (stop func(), err error) {
	if p.cfg.SetLevel == nil {
		return func() {}, nil
	}
	set := func(l *logging) {
		if level, err := zerolog.ParseLevel(l.Level); err == nil { // as the schema has made sure
			p.cfg.SetLevel(level)
		}
	}
	given := map[string]any{}
	if p.cfg.Level != "" {
		given["level"] = p.cfg.Level
	}
	var mu sync.Mutex
	changed := false
	s, err := setting.Open(ctx, conn, setting.Section[logging]{
		Name: "log", Default: logging{Level: "info"}, Given: given, Changed: func(_, next *logging) {
			mu.Lock()
			defer mu.Unlock()
			changed = true
			set(next)
		},
	}, p.cfg.Log)
	if err != nil {
		return nil, err
	}
	mu.Lock()
	defer mu.Unlock()
	if !changed { // else what it was at first came late
		set(s.Current())
	}
	return s.Close, nil
}
