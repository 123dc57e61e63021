// Package ledger holds the pure rules of the economy's money: accounts, double entry, holds, assets and allowances. Every posting takes
// from one account what it gives to another, of the same asset, so that what there is of an asset changes only by postings against the
// account out of which it is issued, and the balances of all its accounts add up to zero at any moment.
//
// A rule works on a Draft. Draft.Check proves, from the postings and the holds alone, that the balances which the draft would leave are
// those that must be; State.Audit proves it for all there is. Who may spend is not asked here, but by who calls.
package ledger
