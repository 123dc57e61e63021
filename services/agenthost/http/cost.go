package http

import (
	"encoding/json"
	"math"
	"math/bits"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// messageOverhead is what a chat's template may put around each message, and around them all, in tokens. The templates in
// use take 3 to 12.
const messageOverhead = 32

// bound is the most that a message can use, in tokens.
type bound struct{ in, out int64 }

// maxTokens bounds what is told to the guard of one message.
const maxTokens = 1_000_000_000

// estimate is what a message uses at most unless its text is unusual, for the limit on tokens per minute, which is corrected
// afterwards: text has three bytes to a token or more.
func (b bound) estimate() int {
	return int(min((b.in+2)/3, maxTokens) + min(b.out, maxTokens))
}

// tokens is what an answer says that it used.
type tokens struct{ in, out int64 }

// MaxCost returns the most that the message can cost: the price of a call, of as many tokens as the text sent has bytes
// (no token is shorter) plus 32 for each message of a chat and 32 more, and of as many as the answer may have; rounded up.
// A payload that the agent refuses costs nothing.
func (e *Endpoint) MaxCost(payload json.RawMessage) api.Micro {
	if e.spec.Format != api.HTTPChat {
		return e.price(e.boundOf(len(payload)))
	}
	_, b, err := e.chat(payload, false)
	if err != nil {
		return 0
	}
	return e.price(b)
}

func (e *Endpoint) boundOf(size int) bound { return bound{int64(size), int64(e.maxTokens)} }

// price rounds up once, and stays within what an int64 holds.
func (e *Endpoint) price(b bound) api.Micro {
	const million = 1_000_000
	inHi, inLo := bits.Mul64(uint64(b.in), uint64(e.spec.PriceIn))
	outHi, outLo := bits.Mul64(uint64(b.out), uint64(e.spec.PriceOut))
	lo, carry := bits.Add64(inLo, outLo, 0)
	hi, _ := bits.Add64(inHi, outHi, carry) // each is below 2^126
	lo, carry = bits.Add64(lo, million-1, 0)
	if hi += carry; hi >= million {
		return math.MaxInt64
	}
	micro, _ := bits.Div64(hi, lo, million)
	if micro > uint64(math.MaxInt64-e.spec.PriceCall) {
		return math.MaxInt64
	}
	return api.Micro(micro) + e.spec.PriceCall
}

// usageOf reads the usage of a chat's answer; nil if there is none that makes sense.
func usageOf(raw json.RawMessage) *tokens {
	var u struct {
		In  *int64 `json:"prompt_tokens"`
		Out *int64 `json:"completion_tokens"`
	}
	if len(raw) == 0 || codec.Read(raw, &u) != nil || u.In == nil || u.Out == nil || *u.In < 0 || *u.Out < 0 {
		return nil
	}
	return &tokens{*u.In, *u.Out}
}

// HeaderUsage is the header of an answer of the format json that tells its usage, as an api.Usage.
const HeaderUsage = "Mabus-Usage"

// statedUsage reads HeaderUsage; nil if there is none that makes sense.
func (e *Endpoint) statedUsage(raw string) *api.Usage {
	var u struct {
		In   int64      `json:"tokens_in"`
		Out  int64      `json:"tokens_out"`
		Cost *api.Micro `json:"cost"`
	}
	if raw == "" || codec.Read([]byte(raw), &u) != nil {
		return nil
	}
	stated := api.Usage{TokensIn: u.In, TokensOut: u.Out}
	if u.Cost != nil {
		stated.Cost = *u.Cost
	}
	if stated.Validate() != nil {
		return nil
	}
	if u.Cost == nil {
		stated.Cost = e.price(bound{u.In, u.Out})
	}
	return &stated
}
