package rpc

import "time"

// SetHeartbeat shortens the heartbeat of streams on this connection.
func (c *Conn) SetHeartbeat(d time.Duration) { c.state.beat = d }

// Window is how many parts a reader has room for.
const Window = window

// GivenUp returns how many requests are remembered that were given up and have not come.
func (c *Conn) GivenUp() int {
	c.state.cancels.mu.Lock()
	defer c.state.cancels.mu.Unlock()
	return len(c.state.cancels.early)
}
