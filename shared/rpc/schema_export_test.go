package rpc

// Describe is what the library says of a body's type.
var Describe = describe
