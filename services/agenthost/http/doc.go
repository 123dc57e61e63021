// Package http runs agents that are HTTP endpoints: a message becomes a POST, its answer the agent's answer. The format json
// passes the payload on as it is; the format chat speaks chat completions, in parts by server-sent events when the caller
// reads parts. Every request goes through the agent's guard.
//
// An Endpoint owns no goroutine of its own. What it does is done by those who call Handle, and by the two goroutines that
// net/http has for each connection; Stop ends both. What bounds it: an answer has at most 64 MiB, its headers 64 KiB, one
// event of a stream 4 MiB; how many connections there are is the guard's pool, and how many messages the host's concurrency.
// Redirects are not followed, so neither the key nor a header goes where the specification does not send it, and an answer
// that is compressed, although nobody asked for that, is refused, so it is never larger than what was received.
//
// What a message has cost is counted with every attempt:
//   - An answer that tells its usage costs the prices of that. One of the format json tells it in the header Mabus-Usage, as
//     an api.Usage; a cost in there is taken instead of the prices.
//   - An answer with an error status costs nothing, nor does an attempt that did not reach the endpoint.
//   - Of everything else it is unknown what it costs: a stream that broke off, a timeout, an answer without usage. It counts
//     as the most that it can have cost, by the prices or else max_cost of the agent, with no tokens, since none were measured. An attempt that failed in this way is not
//     repeated by the guard when the agent has prices: what was reserved for the message, MaxCost, pays for one such attempt.
//     A task may be attempted again, which is reserved anew.
package http
