// Package chaos runs the real program as processes, breaks what a seed says, and checks what is promised whatever happens: locks
// and guarded cells against the history of their clients, agents that save their state, tasks, and that all runs again once the
// faults are over. Replicas of perfmon and the load balancer are hit as all others are, and have to be ready again in the end.
//
// RunMarket does so with the economy: sellers hold auctions of every kind while replicas and NATS nodes are killed. Every auction is
// judged by its transcript and by what its bidders were told, and in the end everybody has what all auctions together come to.
//
// Every process reaches each NATS node through a Link of its own, so that it can be cut off without any privilege. Links between
// NATS nodes are not broken. The same seed gives the same Plan; what it meets differs from run to run.
package chaos
