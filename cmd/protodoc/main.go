// Command protodoc writes docs/protocol.md to its standard output: the method table of shared/api with the bodies, codes
// and reasons as their source comments tell them, around the prose of page.md. Run it from the repository root. With the argument stores it
// writes the table of stores of docs/operations.md.
package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"text/template"

	"github.com/mabus-project/mabus/shared/api"
)

//go:embed page.md
var page string

func main() {
	if len(os.Args) == 2 && os.Args[1] == "stores" {
		fmt.Print(stores())
		return
	}
	if err := generate(os.Stdout, "."); err != nil {
		fmt.Fprintln(os.Stderr, "protodoc:", err)
		os.Exit(1)
	}
}

// content is what page.md is filled with.
type content struct {
	Methods []methodDoc
	Shared  []*structDoc // bodies that more than one place uses, in the order of their first use
	Words   []wordsDoc
	Codes   []constant
	Reasons []constant
	Headers []constant
	Limits  []constant
}

type methodDoc struct {
	api.Descriptor
	Subject           string
	Req, Resp         string       // links to the bodies
	Own               []*structDoc // bodies that only this method uses
	Example, Response string
}

// generate writes the page for the sources and golden files under root.
func generate(w io.Writer, root string) error {
	src, err := readSource(filepath.Join(root, "shared/api"))
	if err != nil {
		return err
	}
	b := newBodies(src)
	for _, d := range api.Methods {
		b.use(d.Request)
		b.use(d.Response)
	}
	event, failure := reflect.TypeFor[api.Event](), reflect.TypeFor[api.Error]()
	for _, t := range []reflect.Type{event, failure, reflect.TypeFor[api.HostLoad]()} { // twice: the prose speaks of them too
		b.use(t)
		b.use(t)
	}
	c := content{
		Shared: b.shared(), Words: b.words(),
		Codes: src.ofType("Code"), Reasons: src.named("Reason"), Headers: src.named("Header"), Limits: src.named("Max"),
	}
	for _, d := range api.Methods {
		m := methodDoc{Descriptor: d, Subject: api.MethodSubject(api.DefaultNamespace, d.Service, d.Noun, d.Verb), Req: b.link(d.Request), Resp: b.link(d.Response), Own: b.own(d.Request, d.Response)}
		if m.Example, err = golden(root, d.Name()+".request"); err != nil {
			return err
		}
		if m.Response, err = golden(root, d.Name()+".response"); err != nil {
			return err
		}
		c.Methods = append(c.Methods, m)
	}
	tmpl, err := template.New("page").Funcs(template.FuncMap{"anchor": anchor, "cell": cell}).Parse(page)
	if err != nil {
		return err
	}
	return tmpl.Execute(w, c)
}

// golden returns a golden body on one line.
func golden(root, name string) (string, error) {
	data, err := os.ReadFile(filepath.Join(root, "shared/api/testdata/golden", name+".json"))
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	if err := json.Compact(&out, data); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return out.String(), nil
}

// anchor is the fragment by which a heading is linked to.
func anchor(heading string) string {
	return "#" + strings.ToLower(strings.ReplaceAll(heading, ".", ""))
}

// cell makes text fit for a table.
func cell(s string) string { return strings.NewReplacer("|", "\\|", "<", "&lt;").Replace(s) }
