package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// licence is a file of licences or notices, and what is recognised in it.
type licence struct {
	file   string
	text   []byte
	notice bool     // it goes along, and grants nothing
	ids    []string // of SPDX; none if it is not recognised
}

var noticeFile = regexp.MustCompile(`(?i)^(notice|patents)`)

var licenceFile = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying|notice|patents)([-._].*)?$`)

// known are sentences that a licence has and no other of these has without what is before it in the list. What a text is beyond them
// nobody looks at: a licence is named, and its text comes along, for whoever has to know.
var known = []struct {
	id       string
	has, not []string
}{
	{id: "Apache-2.0", has: []string{"apache license version 2.0, january 2004", "terms and conditions for use, reproduction, and distribution"}},
	{id: "MPL-2.0", has: []string{"mozilla public license version 2.0", "each contributor hereby grants you a world-wide, royalty-free"}},
	{id: "MIT", has: []string{"permission is hereby granted, free of charge, to any person obtaining a copy", "the above copyright notice and this permission notice shall be included in all copies or substantial portions of the software"}},
	{id: "BSD-3-Clause", has: []string{"redistributions of source code must retain the above copyright notice", "redistributions in binary form must reproduce", "may be used to endorse or promote products derived from"}, not: []string{"all advertising materials"}},
	{id: "BSD-2-Clause", has: []string{"redistributions of source code must retain the above copyright notice", "redistributions in binary form must reproduce"}, not: []string{"endorse or promote", "all advertising materials"}},
	{id: "ISC", has: []string{"permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided that the above copyright notice"}},
	{id: "Unlicense", has: []string{"this is free and unencumbered software released into the public domain"}},
	{id: "CC0-1.0", has: []string{"creative commons legal code", "cc0 1.0 universal"}},
}

// recognise returns the ids of the licences whose sentences are in the text.
func recognise(text []byte) []string {
	plain := strings.ToLower(strings.Join(strings.Fields(string(text)), " "))
	var ids []string
	for _, k := range known {
		fits := true
		for _, s := range k.has {
			fits = fits && strings.Contains(plain, s)
		}
		for _, s := range k.not {
			fits = fits && !strings.Contains(plain, s)
		}
		if fits {
			ids = append(ids, k.id)
		}
	}
	return ids
}

// licencesIn reads the files of licences at the top of a module.
func licencesIn(dir string) ([]licence, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []licence
	for _, e := range entries {
		if !e.Type().IsRegular() || !licenceFile.MatchString(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		l := licence{file: e.Name(), text: text, notice: noticeFile.MatchString(e.Name())}
		if !l.notice {
			l.ids = recognise(text)
		}
		found = append(found, l)
	}
	return found, nil
}

// texts are the licences and notices of all modules, which have to go along with the program.
func (m *materials) texts() []byte {
	var b bytes.Buffer
	for _, d := range m.modules {
		for _, l := range d.licences {
			fmt.Fprintf(&b, "==== %s %s: %s\n\n%s\n\n", d.path, d.version, l.file, bytes.TrimSpace(l.text))
		}
	}
	return b.Bytes()
}
