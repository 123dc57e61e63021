package exec

import "github.com/mabus-project/mabus/shared/api"

// Decode tells what a line of a worker is: its type, or why it is no frame; and what an error frame's caller would get.
func Decode(line []byte) (string, *api.Error, error) {
	f, err := decode(line)
	if err != nil {
		return "", nil, err
	}
	return f.Type, workerError(f.Error), nil
}

// PlainResult is plainResult.
var PlainResult = plainResult

// Result takes a result apart in the way that any frame is taken apart. It is false for one with a usage.
func Result(line []byte) (id string, payload []byte, ok bool) {
	f, err := decode(line)
	if err != nil || f.Type != "result" {
		return "", nil, false
	}
	return f.ID, f.Payload, len(f.Usage) == 0
}

// OneLine is oneLine.
var OneLine = oneLine

// Stalled tells whether the worker's output waits because the host has no room for it.
func (p *Process) Stalled() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.stalls.since.IsZero()
}

// Held is how many bytes of parts wait for their readers.
func (p *Process) Held() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held
}
