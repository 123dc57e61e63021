package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"github.com/mabus-project/mabus/shared/api"
)

// Page is a run of an account's entries that goes to the archive: 64 of them, fewer only when the account is gone.
type Page struct {
	Account api.AccountID `json:"account"`
	// Head is the chain over these entries and all before them.
	Head    string            `json:"head"`
	Entries []api.LedgerEntry `json:"entries"`

	sealed []byte // see Chain
}

// Sealed is all that the page says, as Chain has it: it is shorter than JSON, and there already. ReadPage reads it.
func (p *Page) Sealed() []byte { return p.sealed }

// ID is the page's name for ever: the account and the number of its first entry.
func (p *Page) ID() string {
	return string(p.Account) + "/" + strconv.FormatUint(p.Entries[0].Number, 10)
}

// enter writes an entry into an account whose balances are set. The last 64 entries stay at hand; with 64 before them a page is full.
func (d *Draft) enter(id api.AccountID, a *Account, e api.LedgerEntry) {
	a.Count++
	e.Number, e.At, e.Balance = a.Count, d.Now, a.Available+a.Held
	a.Recent = append(a.Recent, e)
	if len(a.Recent) == 2*api.MaxStatement {
		d.cut(id, a, api.MaxStatement)
	}
}

// cut makes a page of the first n entries that an account has at hand.
func (d *Draft) cut(id api.AccountID, a *Account, n int) {
	page := a.Recent[:n:n]
	sealed := seal(a.Head, id, page)
	a.Head = headOf(sealed)
	a.Recent = a.Recent[n:]
	d.pages = append(d.pages, Page{id, a.Head, page, sealed})
}

// Chain returns the head of an account's chain after further entries, in hex; "" is the head before the first. It is SHA-256 over the
// head before, the account, and of each entry its number, time (nanoseconds since 1970), counter account, amount, balance, kind and
// reference. Texts come after their length, lengths and numbers as varints. Pages of 64 entries are links, from the first entry on; what
// has not filled a page is a last, shorter one.
func Chain(head string, id api.AccountID, entries []api.LedgerEntry) string {
	return headOf(seal(head, id, entries))
}

func headOf(sealed []byte) string {
	sum := sha256.Sum256(sealed)
	return hex.EncodeToString(sum[:])
}

func seal(head string, id api.AccountID, entries []api.LedgerEntry) []byte {
	buf := make([]byte, 0, 128+96*len(entries))
	buf = text(buf, head)
	buf = text(buf, string(id))
	for i := range entries {
		e := &entries[i]
		buf = binary.AppendUvarint(buf, e.Number)
		buf = binary.AppendVarint(buf, e.At.UnixNano())
		buf = text(buf, string(e.Counter))
		buf = binary.AppendVarint(buf, int64(e.Amount))
		buf = binary.AppendVarint(buf, int64(e.Balance))
		buf = text(buf, e.Kind)
		buf = text(buf, e.Ref)
	}
	return buf
}

func text(buf []byte, s string) []byte {
	return append(binary.AppendUvarint(buf, uint64(len(s))), s...)
}

// Current returns the head over all entries of an account: that of the last whole page, with those after it as far as they go.
func (a *Account) Current(id api.AccountID) string {
	head, rest := a.Head, a.Recent
	for len(rest) > 0 {
		n := min(len(rest), api.MaxStatement)
		head, rest = Chain(head, id, rest[:n]), rest[n:]
	}
	return head
}
