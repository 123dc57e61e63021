// Package setting is how a process comes by its settings: a section of the namespace's configuration, over what its environment, its
// flags and its defaults say, followed while it runs.
//
// A value is, in this order: what is stored in the document at <section>.<path>; what a flag says (Section.Given); the environment's
// MABUS_<SECTION>_<PATH>, in capitals and with '_' for '.', as JSON or, where the schema asks for a string, as it is; the default. What is
// stored and this process cannot take (a newer or an older one may have another schema) is left out with a line in the log, value by value.
//
// A process starts without a registry or a store: then it goes by the rest, and follows as soon as there is one. While NATS is away it
// keeps what it last knew. It registers its sections when it starts and every few minutes from then on, and answers
// setting.sections.effective for what it goes by.
//
// All sections of a connection share one mirror, two subscriptions for that method and two goroutines, which end with the last Close.
package setting
