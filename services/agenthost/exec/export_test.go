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
