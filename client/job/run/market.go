package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	bidding    = 2 * time.Second  // for which a tender takes bids, unless all who are invited have bid
	awardWait  = 10 * time.Second // of one request that waits for an award
	waitWidth  = 32               // such requests at once
	payWidth   = 16               // settlements at once
	payQueue   = 4096             // tasks that have ended and are not paid
	closeTime  = 30 * time.Second // to pay what is left when the run ends, and then to give the rest of the budget back
	mostRounds = 15               // announcements of a task for which nobody bids
	dearest    = 3                // times what the dearest agent asks first is the most that is paid: prices grow with load
)

// Market has a run give its tasks out by tenders (contract net) instead of the queue: for each task the job's agents bid, the lowest
// price wins and is paid the second lowest, and the task goes to that agent alone.
type Market struct {
	// Budget is the most that all tasks may be paid together. It is taken from the main account of the run's principal into one of
	// the run's own, and what is left goes back.
	Budget api.Micro
}

// MarketStats is how a market stands.
type MarketStats struct {
	Budget api.Micro `json:"budget"`
	// Paid is what this run has paid for tasks, Left what the run's account has.
	Paid api.Micro `json:"paid"`
	Left api.Micro `json:"left"`
	// Tenders counts announcements, NoBids those for which nobody has bid, Unpaid tasks that failed, or whose tender has.
	Tenders int `json:"tenders"`
	NoBids  int `json:"no_bids"`
	Unpaid  int `json:"unpaid"`
	// Allocation is the time in which tasks were announced and awarded, during which the agents work on those before.
	Allocation time.Duration `json:"allocation"`
	// Earned is what each agent was paid, and for how many tasks.
	Earned map[string]Earned `json:"earned"`
}

// Earned is what an agent was paid.
type Earned struct {
	Tasks int       `json:"tasks"`
	Paid  api.Micro `json:"paid"`
}

// market is the market of a run under way.
type market struct {
	run   *Run
	purse api.AccountID
	main  api.AccountID
	ended chan ending
	work  sync.WaitGroup
	// paying lasts as long as tasks are paid for: closeTime longer than the run at most.
	paying     context.Context //nolint:containedctx // of the workers, which the market owns
	stopPaying context.CancelFunc

	mu      sync.Mutex
	tenders map[string]string // of tasks that are given out
	open    int               // of them, and of those that have ended, how many are not settled
	stats   MarketStats
}

// ending is a task that has ended, and what is to be settled.
type ending struct {
	tender string
	task   *api.Task
}

// openMarket puts the budget into the run's account, as far as an earlier run has not spent it.
func (r *Run) openMarket(ctx context.Context) error {
	principal := r.cfg.Client.Conn().Principal
	if principal == "" {
		return api.Errorf(api.Unauthenticated, "in a market somebody pays: name a principal (--as) whose account has the budget").WithReason(api.ReasonPrincipalMissing)
	}
	m := &market{
		run: r, purse: api.Account(principal, r.cfg.ID, ""), main: api.Account(principal, "", ""),
		ended: make(chan ending, payQueue), tenders: map[string]string{},
		stats: MarketStats{Budget: r.cfg.Market.Budget, Earned: map[string]Earned{}},
	}
	if err := r.retry(ctx, "put the budget aside", m.fund); err != nil {
		return fmt.Errorf("put the budget aside: %w", err)
	}
	r.market = m
	m.paying, m.stopPaying = context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() { time.AfterFunc(closeTime, m.stopPaying) })
	for range payWidth {
		m.work.Go(func() {
			for e := range m.ended {
				m.settle(m.paying, e)
			}
		})
	}
	return nil
}

func (m *market) fund(ctx context.Context) error {
	ledger := m.run.cfg.Client.Ledger
	purse, err := ledger.Account(ctx, m.purse)
	if err != nil {
		return err
	}
	spent, err := m.spent(ctx, purse)
	if err != nil {
		return err
	}
	missing := m.stats.Budget - spent - purse.Available - purse.Held
	if missing <= 0 {
		return nil
	}
	_, err = ledger.Transfer(ctx, api.TransferRequest{From: m.main, To: m.purse, Amount: missing, Note: "budget of the run"})
	if api.ReasonOf(err) == api.ReasonInsufficientFunds {
		return api.Errorf(api.FailedPrecondition, "%s has less than the budget of %s millionths: `mabus --as operator ledger mint %s AMOUNT` puts more into it",
			m.main, m.stats.Budget, m.main.Owner()).WithReason(api.ReasonInsufficientFunds)
	}
	return err
}

// spent is what an earlier run has paid out of the purse.
func (m *market) spent(ctx context.Context, purse *api.LedgerAccount) (spent api.Micro, err error) {
	if purse.Entries == 0 {
		return 0, nil
	}
	for e, err := range m.run.cfg.Client.Ledger.Statement(ctx, m.purse, time.Time{}) {
		if err != nil {
			return 0, err
		}
		if e.Counter != m.main {
			spent -= e.Amount
		}
	}
	return spent, nil
}

// close pays what is left to pay, and gives the rest of the budget back. The context that it is given may have ended.
func (m *market) close(ctx context.Context) {
	close(m.ended)
	limit := time.AfterFunc(closeTime, m.stopPaying)
	m.work.Wait()
	limit.Stop()
	m.stopPaying()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	ledger := m.run.cfg.Client.Ledger
	held := api.Micro(0)
	err := m.run.retry(ctx, "give the rest of the budget back", func(ctx context.Context) error {
		purse, err := ledger.Account(ctx, m.purse)
		if err != nil {
			return err
		}
		held = purse.Held
		m.mu.Lock()
		m.stats.Left = purse.Available + purse.Held
		m.mu.Unlock()
		if purse.Available > 0 {
			_, err = ledger.Transfer(ctx, api.TransferRequest{From: m.purse, To: m.main, Amount: purse.Available, Note: "rest of the budget"})
		}
		return err
	})
	if err != nil {
		m.run.cfg.Warn("the rest of the budget stays in %s: %s", m.purse, text(err))
	}
	if held > 0 {
		m.run.cfg.Warn("%s of the budget stays held in %s for tasks that are given out and have not ended: take the run up again, or it is free there when their contracts lapse", held, m.purse)
	}
}

// Market returns how the run's market stands; nil if it has none.
func (r *Run) Market() *MarketStats {
	if r.market == nil {
		return nil
	}
	r.market.mu.Lock()
	defer r.market.mu.Unlock()
	s := r.market.stats
	s.Earned = make(map[string]Earned, len(r.market.stats.Earned))
	for agent, e := range r.market.stats.Earned {
		s.Earned[agent] = e
	}
	return &s
}

// tenderID is the same whenever the run is taken up again, so that nothing is announced twice.
func tenderID(task string, round int) string { return "m-" + task + "-" + strconv.Itoa(round) }

// offered is a task that is to be given out, in its round.
type offered struct {
	task  *api.TaskSpec
	round int
}

// place gives tasks out, and returns them as those of their winners, with the capability that each winner alone has. Those that had to be
// submitted before there was money for the others are left out.
func (m *market) place(ctx context.Context, tasks []api.TaskSpec) ([]api.TaskSpec, error) {
	began := time.Now()
	defer func() {
		m.mu.Lock()
		m.stats.Allocation += time.Since(began)
		m.mu.Unlock()
	}()
	left := make([]offered, len(tasks))
	for i := range tasks {
		left[i].task = &tasks[i]
	}
	var placed []api.TaskSpec
	for len(left) > 0 {
		announced, waits, err := m.announce(ctx, left)
		if err != nil {
			return nil, err
		}
		won, again, err := m.awards(ctx, announced)
		if err != nil {
			return nil, err
		}
		placed = append(placed, won...)
		if left = append(again, waits...); len(waits) > 0 {
			if err := m.run.submit(ctx, placed); err != nil { // those that are placed must be done, and paid, before there is money again
				return nil, err
			}
			placed = nil
			if err := m.paid(ctx); err != nil {
				return nil, err
			}
		}
	}
	return placed, nil
}

// announce announces tasks, and returns which of them, and those for which there is no money now.
func (m *market) announce(ctx context.Context, left []offered) (announced, waits []offered, err error) {
	err = m.run.retry(ctx, "announce tasks", func(ctx context.Context) error {
		req := &api.TendersAnnounceManyRequest{}
		for _, o := range left {
			spec, err := m.spec(o)
			if err != nil {
				return err
			}
			req.Tenders = append(req.Tenders, *spec)
		}
		resp, err := rpc.Call(ctx, m.run.cfg.Client.Conn(), api.TendersAnnounceMany, req)
		if err != nil {
			return err
		}
		var again []offered
		var last error
		for i, res := range resp.Results {
			switch reason := api.ReasonOf(asError(res.Error)); {
			case res.Error == nil || reason == api.ReasonTenderExists:
				announced = append(announced, left[i])
			case reason == api.ReasonInsufficientFunds || reason == api.ReasonManyTenders:
				waits = append(waits, left[i])
			case transient(res.Error):
				again, last = append(again, left[i]), res.Error
			default:
				return fmt.Errorf("announce %s: %w", left[i].task.Name, res.Error)
			}
		}
		left = again
		return last
	})
	if err != nil {
		return nil, nil, fmt.Errorf("announce tasks: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stats.Tenders += len(announced)
	return announced, waits, nil
}

func asError(e *api.Error) error {
	if e == nil {
		return nil
	}
	return e
}

// spec is the tender of a task: those of the job's agents that run and ask a price for it are invited.
func (m *market) spec(o offered) (*api.TenderSpec, error) {
	t := o.task
	most := api.Micro(0)
	for i := range m.run.cfg.Job.Agents {
		if a := &m.run.cfg.Job.Agents[i]; a.Ask != nil && slices.Contains(a.Capabilities, t.Capability) {
			kib := api.Micro(len(t.Payload)/1024 + 1)
			most = max(most, min(a.Ask.Price+kib*min(a.Ask.PerKiB, api.MaxAmount/kib), api.MaxAmount))
		}
	}
	if most == 0 {
		return nil, api.Errorf(api.Invalid, "no agent of the job says what it asks for %s: give one an `ask` in the job file, or run it without a market", t.Capability)
	}
	size, err := codec.Marshal(struct {
		Bytes int `json:"bytes"`
	}{len(t.Payload)})
	if err != nil {
		return nil, fmt.Errorf("announce %s: %w", t.Name, err)
	}
	perAttempt := t.Timeout.Std() + 2*t.Backoff.Std()
	invited, rule := m.run.fleet.bidders(t.Capability), api.TenderVickrey
	if len(invited) == 1 { // alone it would get the whole budget
		rule = api.TenderFirstPrice
	}
	return &api.TenderSpec{
		ID: tenderID(t.ID, o.round), Budget: min(dearest*most, api.MaxAmount), Account: m.purse, Bidding: api.Duration(bidding),
		Task:    api.TenderTask{Capability: t.Capability, Name: t.Name, Payload: size, Job: m.run.cfg.ID},
		Invited: invited, Rule: rule, Execution: api.TenderByAnnouncer,
		Terms: api.ContractTerms{Completion: api.Duration(time.Duration(max(t.Attempts, 1))*perAttempt + time.Hour)},
	}, nil
}

// errNobody says that nobody has bid for a task again and again.
var errNobody = errors.New("nobody bids")

// awards waits until tenders are awarded. Tasks for which nobody has bid are to be announced again.
func (m *market) awards(ctx context.Context, announced []offered) (won []api.TaskSpec, again []offered, err error) {
	found := make([]*api.Tender, len(announced))
	faults := make([]error, len(announced))
	width := make(chan struct{}, waitWidth)
	var wg sync.WaitGroup
	for i, o := range announced {
		width <- struct{}{}
		wg.Go(func() {
			defer func() { <-width }()
			found[i], faults[i] = m.award(ctx, tenderID(o.task.ID, o.round))
		})
	}
	wg.Wait()
	if err := errors.Join(faults...); err != nil {
		return nil, nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, o := range announced {
		switch t := found[i]; {
		case t.State.Over() && t.Award == nil:
			m.stats.NoBids++
			if o.round++; o.round >= mostRounds {
				return nil, nil, fmt.Errorf("%w for %s, although it was announced %d times: see that agents run whose `ask` is not above what the task may cost", errNobody, o.task.Name, o.round)
			}
			again = append(again, o)
		default:
			m.tenders[o.task.ID] = t.ID
			m.open++
			task := *o.task
			task.Capability = api.OwnCapability(t.Award.Winner)
			won = append(won, task)
		}
	}
	return won, again, nil
}

func (m *market) award(ctx context.Context, id string) (t *api.Tender, err error) {
	err = m.run.retry(ctx, "wait for bids", func(ctx context.Context) error {
		for {
			t, err = rpc.Call(ctx, m.run.cfg.Client.Conn(), api.TendersGet, &api.TenderGetRequest{ID: id, Since: api.TenderOpen, Wait: api.Duration(awardWait)})
			if err != nil {
				return err
			}
			if t.Announcer != m.main.Owner() {
				return api.Errorf(api.Conflict, "the tender %s was announced by %s: run the job as %s, or under another id", id, t.Announcer, t.Announcer).
					WithReason(api.ReasonNotOwner)
			}
			if t.State != api.TenderOpen {
				return nil
			}
		}
	})
	return t, err
}

// paid waits until a task is paid, so that there is money again. Without any under way there will be none.
func (m *market) paid(ctx context.Context) error {
	m.mu.Lock()
	open := m.open
	m.mu.Unlock()
	if open == 0 {
		stats := m.run.Stats()
		return fmt.Errorf("stopped: the budget of %s millionths is used up, %d of %d tasks are done: give it more (--budget) to go on", m.stats.Budget, stats.Done, stats.Planned)
	}
	pause(ctx, again)
	return context.Cause(ctx)
}
