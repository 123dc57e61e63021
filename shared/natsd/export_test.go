package natsd

// Understand reads a line of the server's log that tells of a violation.
func Understand(line string) (client uint64, subject string, subscribe, ok bool) {
	f, ok := understand(line)
	return f.client, f.subject, f.subscribe, ok
}
