package coordination

import (
	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// nameOr returns a name, or one that stands for the request, or a random one.
func nameOr(name string, cause api.Cause) string {
	if name != "" {
		return name
	}
	if tag := rpc.RequestTag(cause); tag != "" {
		return tag
	}
	return nuid.Next()
}
