package trace

// Attributes of the semantic conventions of OpenTelemetry 1.43.
const (
	ErrorType   = "error.type"                     // an error code of Mabus
	RPCSystem   = "rpc.system.name"                // always System
	RPCMethod   = "rpc.method"                     // service.noun.verb
	StatusCode  = "rpc.response.status_code"       // the code, when the answer is an error
	Messaging   = "messaging.system"               // always NATS
	Operation   = "messaging.operation.type"       // send or process
	OperationIs = "messaging.operation.name"       // request, publish or process
	Destination = "messaging.destination.name"     // the subject
	Template    = "messaging.destination.template" // the subject without what is another for each agent or host
	BatchSize   = "messaging.batch.message_count"
	StoreSystem = "db.system.name"     // always NATS
	Collection  = "db.collection.name" // the bucket
	StoreAction = "db.operation.name"  // put or delete
	HTTPMethod  = "http.request.method"
	HTTPStatus  = "http.response.status_code"
	ServerName  = "server.address"
	ServerPort  = "server.port"
)

// Attributes of Mabus' own.
const (
	Namespace  = "mabus.namespace"
	Principal  = "mabus.principal"    // who asks
	RequestID  = "mabus.request.id"   // of Mabus-Request-Id
	Agent      = "mabus.agent.id"     // that handles the message
	AgentType  = "mabus.agent.type"   // as its specification says
	Runtime    = "mabus.runtime"      // native, exec or http
	Host       = "mabus.host.id"      // that runs the agent
	Task       = "mabus.task.id"      // the durable task that is worked on
	Attempt    = "mabus.task.attempt" // counts from 1
	Capability = "mabus.capability"   // of a task
	Session    = "mabus.session.id"   // of the coordination, whose question it is
	Round      = "mabus.session.round"
	Job        = "mabus.job.id"
	Cast       = "mabus.cast"      // true: nobody waits for an answer
	Log        = "mabus.log"       // the realm of a replicated log
	Command    = "mabus.command"   // what the log carries out
	Entry      = "mabus.log.entry" // where it stands in the log
	Repeated   = "mabus.repeated"  // true: the answer is that to an earlier request with the same id
	Reason     = "mabus.reason"    // the finer reason of an error
)

// Values of attributes.
const (
	System = "mabus"
	NATS   = "nats"
)
