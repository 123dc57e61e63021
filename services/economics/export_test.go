package economics

// WithRevision is for tests.
var WithRevision = withRevision
