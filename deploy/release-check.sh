#!/usr/bin/env bash
# Checks that a release can be made again: the same files, built from a copy in another directory with an empty cache, must have the same
# bytes. Takes some minutes. Git must be there in both cases or in neither, since a program names its commit; the copy takes it along.
set -euo pipefail
cd "$(dirname "$0")/.."
targets=${1:-linux/amd64}
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT

go run ./cmd/release --targets "$targets" --out "$work/here"
mkdir "$work/copy"
tar --create --exclude=./bin --exclude=./dist --exclude=node_modules . | tar --extract --directory "$work/copy"
go build -o "$work/release" ./cmd/release
(cd "$work/copy" && GOCACHE="$work/cache" "$work/release" --targets "$targets" --out "$work/there")
diff --recursive "$work/here" "$work/there"
(cd "$work/there" && sha256sum --check SHA256SUMS)
echo "release-check: the same bytes from another place"
