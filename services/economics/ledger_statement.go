package economics

import (
	"context"
	"slices"
	"sort"
	"time"

	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// book is an account with its entries at hand, as they were at one moment.
type book struct {
	view   api.LedgerAccount
	head   string
	recent []api.LedgerEntry
	at     time.Time
}

// statement returns entries from the account's record and, where it does not go so far back, from the archive.
func (e *economy) statement(ctx context.Context, r *api.StatementRequest) (*api.StatementResponse, error) {
	if err := e.looks(ctx, r.Account.Owner()); err != nil {
		return nil, err
	}
	b, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, now time.Time) (book, error) {
		a := s.Ledger.Accounts[string(r.Account)]
		if a == nil {
			return book{view: api.LedgerAccount{ID: r.Account}}, nil
		}
		return book{*a.View(r.Account), a.Current(r.Account), slices.Clone(a.Recent), now}, nil
	})
	if err != nil {
		return nil, err
	}
	b.view.Revision = revision
	resp := &api.StatementResponse{Account: b.view, Head: b.head, Entries: []api.LedgerEntry{}}
	limit := r.Limit
	if limit == 0 {
		limit = api.MaxStatement
	}
	for number := min(r.Before-1, b.view.Entries); number > 0; { // before 0, the newest comes first
		entries, err := e.entries(ctx, &b, number)
		if err == nil && len(entries) == 0 {
			err = b.missing(number)
		}
		if err != nil {
			if resp.Next = number + 1; len(resp.Entries) > 0 { // those that there are, and then why there are no more
				return resp, nil
			}
			return nil, err
		}
		first := entries[0]
		if !r.Until.IsZero() && first.At.After(r.Until) {
			if number, err = e.before(ctx, &b, first.Number, r.Until); err != nil {
				return nil, err
			}
			continue
		}
		for i := number - first.Number + 1; i > 0; i-- {
			x := entries[i-1]
			if !r.Until.IsZero() && x.At.After(r.Until) {
				continue
			}
			if len(resp.Entries) == limit {
				resp.Next = x.Number + 1
				return resp, nil
			}
			resp.Entries = append(resp.Entries, x)
		}
		number = first.Number - 1
	}
	return resp, nil
}

// entries returns those from the beginning of some page up to the entry of a number at least, or none when the archive does not have
// them.
func (e *economy) entries(ctx context.Context, b *book, number uint64) ([]api.LedgerEntry, error) {
	if len(b.recent) > 0 && b.recent[0].Number <= number {
		return b.recent, nil
	}
	var p ledger.Page
	found, err := e.archive.Get(ctx, e.archive.pageSubject(accountEntity(b.view.ID), start(number)), &p)
	if err != nil {
		return nil, err
	}
	if found && p.Entries[len(p.Entries)-1].Number >= number {
		return p.Entries, nil
	}
	return nil, nil
}

const (
	travelTime  = time.Minute // that a page is on its way to the archive at most, while there is one
	travelPages = 64          // that are on their way at most
)

// missing says why the archive does not have an entry: it will have it soon, or has dropped it, as it does with the oldest when it is full.
func (b *book) missing(number uint64) error {
	n := len(b.recent)
	if n > 0 && b.at.Sub(b.recent[n-1].At) < travelTime && b.recent[0].Number-number <= travelPages*api.MaxStatement {
		return api.Errorf(api.Unavailable, "the entries up to %d are on their way to the archive: try again in a moment", number).
			WithReason(api.ReasonNotReady)
	}
	return api.Errorf(api.FailedPrecondition, "the entries up to %d are no longer kept", number).WithReason(api.ReasonEntriesDropped)
}

// before returns the number of the last entry of the last page before the entry of a number that begins no later than a time; 0 if
// there is none.
func (e *economy) before(ctx context.Context, b *book, number uint64, until time.Time) (uint64, error) {
	var failed error
	pages := int((number - 1) / api.MaxStatement)
	late := sort.Search(pages, func(i int) bool { // the first page that begins too late, or is gone as those before it are
		if failed != nil {
			return true
		}
		entries, err := e.entries(ctx, b, uint64(i)*api.MaxStatement+1)
		failed = err
		return len(entries) > 0 && entries[0].At.After(until)
	})
	return uint64(late) * api.MaxStatement, failed
}

// start is the number of the first entry of the page that an entry is in.
func start(number uint64) uint64 { return (number-1)/api.MaxStatement*api.MaxStatement + 1 }

// accountEntity is the name of an account in the archive.
func accountEntity(id api.AccountID) string { return "account/" + string(id) }

// runLedgerPage archives a page of entries that has left its account.
func (e *economy) runLedgerPage(ctx context.Context, f engine.Effect) ([]byte, error) {
	p, err := ledger.ReadPage(f.Body)
	if err != nil {
		return nil, err
	}
	return e.store(ctx, e.archive.pageSubject(accountEntity(p.Account), p.Entries[0].Number), p)
}
