package client

// Sees returns how many agents of a capability the client chooses among; 0 while it does not know them.
func Sees(c *Client, capability string) int {
	f := c.fleet()
	if f == nil || !f.isReady() {
		return 0
	}
	return f.picker.Reach(capability)
}
