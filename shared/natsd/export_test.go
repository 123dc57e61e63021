package natsd

import "syscall"

// DupLock returns another descriptor of the lock's file, as a child has it between its fork and its exec.
func (s *Server) DupLock() (int, error) { return syscall.Dup(int(s.lock.file.Fd())) }

// Understand reads a line of the server's log that tells of a violation.
func Understand(line string) (client uint64, subject string, subscribe, ok bool) {
	f, ok := understand(line)
	return f.client, f.subject, f.subscribe, ok
}
