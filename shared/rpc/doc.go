// Package rpc carries the methods of shared/api over NATS: Call asks, a Server answers.
//
// A request is one JSON body on <namespace>.<service>.<noun>.<verb>; a queue group picks the replica. The server takes a
// bounded slot for it or answers overloaded at once, decodes and validates the body, sets the deadline that the caller gave
// (api.HeaderTimeout; api.DefaultTimeout without it), recovers panics, and answers with the method's body or with an error
// in the form of NATS micro: the headers Nats-Service-Error and Nats-Service-Error-Code, and an api.Error as the body.
//
// Every method also listens on <namespace>.as.<principal>.<service>.<noun>.<verb>, which names who asks. In strict mode a
// method that changes state takes no other form.
//
// Bodies above the server's payload limit travel through shared/blob, named by the header api.HeaderBlob.
package rpc
