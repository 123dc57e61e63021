package api

import "reflect"

// Method is one request/reply operation. The same value makes the server's endpoint, the client's call and the
// documentation, so none of them can drift.
type Method[Req, Resp any] struct {
	Service, Noun, Verb string
	// Doc says in one or two sentences what the method does, and with which reasons it refuses.
	Doc string
	// Write marks a method that changes state. It honours Mabus-Request-Id, and needs a principal in strict mode.
	Write bool
	// OneWay marks a method that also takes what nobody waits for an answer to. In strict mode others execute no request without an inbox
	// of who asks.
	OneWay bool
}

// Subject returns the method's subject in a namespace.
func (m Method[Req, Resp]) Subject(namespace string) string {
	return MethodSubject(namespace, m.Service, m.Noun, m.Verb)
}

// Descriptor is a Method without its type parameters, for tables.
type Descriptor struct {
	Service, Noun, Verb, Doc string
	Write, OneWay            bool
	Request, Response        reflect.Type
}

// Name returns service.noun.verb.
func (d Descriptor) Name() string { return d.Service + "." + d.Noun + "." + d.Verb }

// Describe returns the method's row in the table.
func (m Method[Req, Resp]) Describe() Descriptor {
	return Descriptor{m.Service, m.Noun, m.Verb, m.Doc, m.Write, m.OneWay, reflect.TypeFor[Req](), reflect.TypeFor[Resp]()}
}

// Empty is the body of a request that needs no arguments, and of an answer that has nothing to tell.
type Empty struct{}

// Validator is a request that can check itself. It is called after decoding, before the handler.
type Validator interface {
	// Validate returns an *Error with code invalid that names the field and says what is allowed.
	Validate() error
}
