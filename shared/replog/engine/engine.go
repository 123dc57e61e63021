package engine

import (
	"fmt"
	"maps"
	"slices"
)

// Engine applies the entries of a log to a machine, one after the other. It is not safe for concurrent use.
type Engine[S any] struct {
	*book
	machine Machine[S]
	rules   Rules[S]
	state   S
	broken  error
}

// New returns a machine before the first entry of its log.
func New[S any](m Machine[S]) *Engine[S] {
	e := &Engine[S]{book: newBook(), machine: m, state: m.New()}
	e.version, _ = e.Versions()
	e.rules = m.Rules[e.version]
	return e
}

// State is the machine's. It must not be changed, and changes with Apply.
func (e *Engine[S]) State() S { return e.state }

// Versions are the lowest and the highest version of the rules that this binary has.
func (e *Engine[S]) Versions() (low, high int) {
	versions := slices.Collect(maps.Keys(e.machine.Rules))
	if len(versions) == 0 {
		return 0, 0
	}
	return slices.Min(versions), slices.Max(versions)
}

// breaks makes the engine refuse everything from now on.
func (e *Engine[S]) breaks(err error) error {
	e.broken = err
	return err
}

// advance goes from the rules in force to later ones, through all that lie between.
func (e *Engine[S]) advance(version int) error {
	for e.version < version {
		rules, ok := e.machine.Rules[e.version+1]
		if !ok {
			return fmt.Errorf("%w: machine %s lacks version %d", ErrVersion, e.machine.Name, e.version+1)
		}
		if rules.Upgrade != nil {
			if text := guarded(func() { rules.Upgrade(e.state) }); text != "" {
				return fmt.Errorf("%w: upgrade to version %d: %s", ErrEvolve, e.version+1, text)
			}
		}
		e.version, e.rules = e.version+1, rules
	}
	return nil
}

// guarded runs f and returns what it panicked with, or "".
func guarded(f func()) (text string) {
	defer func() {
		if r := recover(); r != nil {
			text = fmt.Sprintf("panic: %v", r)
		}
	}()
	f()
	return ""
}
