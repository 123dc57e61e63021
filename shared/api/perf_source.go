package api

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// sourceMark stands between whose the source is and the rest of its name, which has no '_', so that the last mark of a name is the one.
const sourceMark = "__"

// longOwner is the length above which a principal's name stands as a digest in the names of its sources, so that there is room for the rest:
// digestMark and hexadecimal digits of its SHA-256. Who is called like a digest has one too, so that no two principals have the same.
const (
	longOwner  = 40
	digestMark = "-"
)

// ownerOf is what stands for a principal in the names of its sources: a different one for each.
func ownerOf(principal string) string {
	if len(principal) <= longOwner && !strings.HasPrefix(principal, digestMark) {
		return principal
	}
	sum := sha256.Sum256([]byte(principal))
	return digestMark + hex.EncodeToString(sum[:])[:longOwner-len(digestMark)]
}

// SourceOf names a source of deltas that is a principal's: who it is, and as much of the end of life as fits an id.
func SourceOf(principal, life string) string {
	owner, life := ownerOf(principal), strings.ReplaceAll(life, "_", "-")
	room := MaxIDLength - len(owner) - len(sourceMark)
	return owner + sourceMark + life[max(len(life)-room, 0):]
}

// OwnSource tells whether a source is the principal's by its name, which is then nobody else's. A delta that others could send under it would
// have the source's own taken for repetitions.
func OwnSource(principal, source string) bool {
	owner := source
	if i := strings.LastIndex(source, sourceMark); i >= 0 {
		owner = source[:i]
	}
	// A name that is too long stood as it is in earlier versions; no digest is as long.
	return principal != "" && (owner == ownerOf(principal) || len(principal) > longOwner && owner == principal)
}

// OwnSeries tells whether a principal may record samples of a series where principals are kept apart: what nobody else measures, and what is
// of the principal itself.
func OwnSeries(principal string, s Series) bool {
	return s.Kind == SourceCustom || s.Kind == SourceCaller || s.Kind == SourceAgent && s.ID == principal && principal != ""
}
