package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// built is what `mabus --version` says: the version, and of which source and by which Go the program was built, as far as it knows.
func built() string {
	var source []string
	info, _ := debug.ReadBuildInfo()
	if info != nil {
		settings := map[string]string{}
		for _, s := range info.Settings {
			settings[s.Key] = s.Value
		}
		if revision := settings["vcs.revision"]; revision != "" {
			source = append(source, "commit "+revision[:min(len(revision), 12)])
		}
		if settings["vcs.modified"] == "true" {
			source = append(source, "changed since")
		}
	}
	source = append(source, runtime.Version()+" "+runtime.GOOS+"/"+runtime.GOARCH)
	return fmt.Sprintf("%s (%s)", version, strings.Join(source, ", "))
}
