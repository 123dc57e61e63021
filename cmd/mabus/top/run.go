package top

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
)

// clockEvery is how often what is shown of time is drawn anew, at least.
const clockEvery = 500 * time.Millisecond

// Config says what to show, and where.
type Config struct {
	Namespace string
	// Tab is shown first.
	Tab Tab
	// Interval is the time between two batches of requests.
	Interval time.Duration
	// Read reads a page. It returns when its context ends.
	Read func(context.Context, Query) (*Snapshot, error)
	// Linked tells whether there is a connection.
	Linked func() bool
	// In has the keys and Out is the terminal. Environ says what it can: TERM, COLORTERM, NO_COLOR.
	In      io.Reader
	Out     io.Writer
	Environ []string
	// Size is that of Out if it is no terminal.
	Size Size
}

// Run shows the view until q is pressed or ctx ends, which is no error. It has read nothing more when it returns.
func Run(ctx context.Context, cfg Config) error {
	life, end := context.WithCancel(ctx)
	ink := Colours()
	m := &program{cfg: cfg, state: NewState(cfg.Namespace, cfg.Tab, cfg.Interval), life: life, ink: ink, tick: min(clockEvery, cfg.Interval)}
	options := []tea.ProgramOption{tea.WithContext(ctx), tea.WithInput(cfg.In), tea.WithOutput(cfg.Out), tea.WithEnvironment(environ(cfg.Environ)), tea.WithoutSignalHandler()}
	if cfg.Size.Width > 0 {
		options = append(options, tea.WithWindowSize(cfg.Size.Width, cfg.Size.Height))
	}
	_, err := tea.NewProgram(m, options...).Run()
	end()
	m.reads.Wait()
	if ctx.Err() != nil && errors.Is(err, tea.ErrProgramKilled) {
		return nil
	}
	return err
}

// environ has NO_COLOR mean what https://no-color.org says: that it is there and not empty is enough.
func environ(list []string) []string {
	out := make([]string, 0, len(list))
	for _, v := range list {
		if len(v) > len("NO_COLOR=") && v[:len("NO_COLOR=")] == "NO_COLOR=" {
			v = "NO_COLOR=1"
		}
		out = append(out, v)
	}
	return out
}

// program joins a state to a terminal and to the services.
type program struct {
	cfg   Config
	state State
	life  context.Context // of the reads
	reads sync.WaitGroup
	ink   Ink
	tick  time.Duration
}

// Init implements tea.Model.
func (p *program) Init() tea.Cmd { return p.look }

// look tells the state the time.
func (p *program) look() tea.Msg { return Tick{Now: time.Now(), Linked: p.cfg.Linked()} }

// Update implements tea.Model.
func (p *program) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	var w Want
	var next tea.Cmd
	switch m := msg.(type) {
	case tea.KeyPressMsg:
		p.state, w = p.state.Next(Key(m.String()))
	case tea.PasteMsg: // as if it were typed, where a text is
		for _, c := range m.Content {
			p.state = p.state.typed(c)
		}
	case tea.WindowSizeMsg:
		p.state, w = p.state.Next(Size{m.Width, m.Height})
	case Tick:
		p.state, w = p.state.Next(m)
		next = tea.Tick(p.tick, func(time.Time) tea.Msg { return p.look() })
	case Answer:
		p.state, w = p.state.Next(m)
	}
	switch {
	case w.Quit:
		return p, tea.Quit
	case w.Read != nil:
		return p, tea.Batch(next, p.read(*w.Read))
	}
	return p, next
}

// read reads a page in the background. The state asks for one at a time.
func (p *program) read(q Query) tea.Cmd {
	answers := make(chan Answer, 1)
	p.reads.Go(func() {
		s, err := p.cfg.Read(p.life, q)
		answers <- Answer{q, s, err}
	})
	return func() tea.Msg {
		select {
		case a := <-answers:
			return a
		case <-p.life.Done():
			return nil
		}
	}
}

// View implements tea.Model.
func (p *program) View() tea.View {
	v := tea.NewView(p.state.Page(p.ink))
	v.AltScreen = true
	v.WindowTitle = "mabus top"
	return v
}
