package natstest

// FreePorts is what servers take their ports from.
var FreePorts = freePorts
