package rpc

import "time"

// SetHeartbeat shortens the heartbeat of streams on this connection.
func (c *Conn) SetHeartbeat(d time.Duration) { c.state.beat = d }

// Window is how many parts a reader has room for.
const Window = window
