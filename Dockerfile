# Two images of the one binary. `service` has nothing but the binary: for every service that runs no programs of others.
# `agenthost` has a shell besides, and the examples, for exec agents; derive your own from it when agents need more.
#   docker build --target service -t mabus .
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY . .
ARG TARGETOS TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/cache \
    GOCACHE=/cache CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags "-s -w" -o /mabus ./cmd/mabus

FROM gcr.io/distroless/static:nonroot AS service
COPY --from=build /mabus /usr/local/bin/mabus
ENTRYPOINT ["/usr/local/bin/mabus"]

FROM alpine:3 AS agenthost
COPY examples /opt/mabus/examples
COPY --from=build /mabus /usr/local/bin/mabus
# By number, so that orchestrators can tell that it is not root. Only /tmp need be writable.
USER 65532:65532
ENV HOME=/tmp
WORKDIR /tmp
ENTRYPOINT ["/usr/local/bin/mabus"]
