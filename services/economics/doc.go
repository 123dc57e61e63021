// Package economics is the service by which agents pay one another, and find out whom and how much: a ledger, auctions, contracts, task
// markets, marketplaces, reputation, markets, prices, and what makes them answer for what they do (stakes, insurance, breakers).
//
// # What it owns
//
// Subjects: <ns>.economics.{accounts,assets,holds,allowances,ledger,auctions,contracts,tenders,bazaars,reputation,reports,markets,prices,
// choices,stakes,violations,pools,policies,claims,screens,breakers}.<verb>, in the methods of shared/api.
//
// All that its replicas agree on is one machine (the package realm) on one log (see shared/replog), because money moves in each part, and
// a settlement changes the ledger, a contract and a reputation in one command:
//   - the stream <ns>_log_economics, at most 8 GiB, shortened below verified snapshots, which are in the object store <ns>_snapshots; a
//     replica that starts carries out at most some 64 MiB of commands
//   - the stream <ns>_economics_archive, subjects <ns>.archive.economy.>, at most 64 GiB, the oldest going first: what has ended, each
//     under a subject of its own, pages of transcripts, and pages of statements
//   - the bucket <ns>_economics_keys, at most 1 MiB: the seed of the key that signs transcripts. The first replica makes it. Nobody but
//     the service has to read it, and a new one would be one that nobody trusts.
//
// Events: mabus.{auctions,tenders,contracts,bazaars,markets}.ended, with the id as their subject and correlation, on
// <ns>.event.economics.<noun>.<id>. An outbox reads them from the archive: the consumer "events" of its stream, shared by the replicas. An
// event is told once what has ended is archived, at least once and with the same id however often; it has no data, since methods tell what
// has become of it. Beginnings, .opened, only the log has, and an effect for each would be a second entry of it, which every auction and
// contract would wait for: each replica tells them as it applies them, with the same id (shared/replog/tell; 8192 wait at most, others are
// lost and counted), and what it reads of the last ten minutes again when it starts. Movements of the ledger are no events: the statement of
// an account has each of them, in order and for good.
//
// In memory, and so bounded by the API: 1,000,000 accounts, holds, live contracts, bids of auctions, and pairs of an agent and a domain;
// 100,000 live auctions, tenders, stakes, policies and reports; 10,000 markets and marketplaces. What has ended leaves for the archive
// within milliseconds, and reads find it there. Beyond a bound a command is overloaded, and says of what there is too much. For a snapshot
// of up to 50,000 rows their tables are copied between two commands; of more, the log is replayed beside the live state.
//
// Waiting: at most Config.Waiters (16,384) requests wait at a replica, each on a goroutine of its own; those who wait never keep out whoever
// would end the wait (Config.Limit, 1,024). Nobody polls: a command rings for those who wait for what it has changed.
//
// # Invariants
//
//   - A command works on drafts of the records that it may change. It is carried out as a whole, or refused and nothing has happened.
//   - Every posting takes from one account what it gives to another of the same asset, so that all accounts of an asset add up to zero, that
//     out of which it is issued included. No other account is below zero, and what is held is what its holds are. The machine proves that
//     of each command before it takes effect, and of the whole ledger before it uses a snapshot.
//   - Only operators make credit, and only its issuer makes another asset. Rules make shares of prediction markets, each against a hold
//     or a payment that covers it.
//   - What somebody may owe is held before it is owed: bids, budgets, orders that rest, stakes, and what policies may cost. So whoever has
//     won can pay, and a pool does not promise the same unit twice.
//   - An auction ends once: winners, payments, fees, deliveries, contracts and reputation are one command. Nothing stays held for what has
//     ended but what a contract that came of it will pay. A contract is settled once, a violation is slashed once, an event is paid once.
//   - Among equals the earliest wins, which is the order of the log. No rule depends on the clock of a replica, on a map's order or on
//     floating point; money is in whole millionths, and what is divided is rounded so that nothing is made by it.
//   - What a bidder has sealed is not shown to anybody else before its time: neither in reads, nor in transcripts, nor by what is held.
//   - Each auction and market has a chain of hashes of its own, whose head is in every receipt; a transcript of an auction is signed.
//   - What carries a request id happens once; its repetition gets the first answer, for 10 minutes or until there is no more room for it, and
//     is refused after that.
//
// Who is an operator is said by Config.Operators to each replica, and decided by the one that is asked: its command in the log says so. All
// replicas should be told the same.
//
// # When a replica dies
//
// No replica owns anything, and a command is one entry of the log.
//
//   - Before the command is in the log: nothing has happened. After it: it stands, whoever answers. The caller hears of a timeout, or
//     unavailable (maybe_executed), and its repetition with the same request id gets the first answer from any replica. Without an id a
//     transfer, a mint or a market order may happen twice; what is created under an id of the requester's own is created once.
//   - Between two commands of something long: every state is one in which all may stay. Bids, budgets and prices are held, and the timer in
//     the log goes on with it on whichever replica: auctions close, contracts lapse, holds and policies expire, breakers look again.
//   - While it determines the winners of a combinatorial auction: another replica takes that up after 2 s. A solution counts when the
//     machine has checked it, the first one only; without any the auction is called off, and all that is held goes back.
//   - While it archives: another replica stores the same again. What has ended leaves the state only when it is in the archive.
//   - While it submits the task of a tender, or looks for its outcome: another does. The task's id makes it one task.
//   - While a market with very many orders closes, or one with very many holders pays: 1,000 are done by a command, each of which is in
//     the log or is not; the next goes on.
//   - While somebody waits: the caller asks another replica, which knows the same.
//
// A replica that stops in good order tells those who wait to ask again (unavailable, draining).
package economics
