package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// bom is the list of materials in CycloneDX 1.6. It has what the program says of itself, so nothing that is not linked; which module
// needs which the program does not say, and neither does the list.
func (m *materials) bom(name, version string, program []byte) ([]byte, error) {
	sum := sha256.Sum256(program)
	root := cdx.Component{
		BOMRef: "main", Type: cdx.ComponentTypeApplication, Name: name, Version: version, PackageURL: packageURL(m.main, "v"+version),
		Hashes:     &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: fmt.Sprintf("%x", sum)}},
		Properties: &[]cdx.Property{{Name: "mabus:go", Value: m.goVersion}},
	}
	if m.revision != "" {
		*root.Properties = append(*root.Properties, cdx.Property{Name: "mabus:revision", Value: m.revision},
			cdx.Property{Name: "mabus:modified", Value: fmt.Sprint(m.modified)})
	}
	b := cdx.NewBOM()
	b.SerialNumber = serial(sum)
	b.Metadata = &cdx.Metadata{Component: &root}
	if m.time.Unix() > 0 {
		b.Metadata.Timestamp = m.time.Format(time.RFC3339)
	}
	components, needs := []cdx.Component{}, []string{}
	for _, d := range m.modules {
		c := d.component()
		components, needs = append(components, c), append(needs, c.BOMRef)
	}
	b.Components = &components
	b.Dependencies = &[]cdx.Dependency{{Ref: "main", Dependencies: &needs}}
	var out bytes.Buffer
	encoder := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false)
	if err := encoder.EncodeVersion(b, cdx.SpecVersion1_6); err != nil {
		return nil, fmt.Errorf("write the list of materials: %w", err)
	}
	return out.Bytes(), nil
}

func (d material) component() cdx.Component {
	url := packageURL(d.path, d.version)
	c := cdx.Component{BOMRef: url, Type: cdx.ComponentTypeLibrary, Name: d.path, Version: d.version, PackageURL: url, Scope: cdx.ScopeRequired}
	var properties []cdx.Property
	if d.sum != "" {
		properties = append(properties, cdx.Property{Name: "mabus:go.sum", Value: d.sum})
	}
	var ids, unknown []string
	for _, l := range d.licences {
		ids = append(ids, l.ids...)
		if len(l.ids) == 0 && !l.notice {
			unknown = append(unknown, l.file)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) > 0 {
		all := cdx.Licenses{}
		for _, id := range ids {
			all = append(all, cdx.LicenseChoice{License: &cdx.License{ID: id}})
		}
		c.Licenses = &all
	}
	if len(unknown) > 0 {
		properties = append(properties, cdx.Property{Name: "mabus:not-recognised", Value: strings.Join(unknown, " ")})
	} else if len(d.licences) == 0 {
		properties = append(properties, cdx.Property{Name: "mabus:not-recognised", Value: "no file of licences"})
	}
	if len(properties) > 0 {
		c.Properties = &properties
	}
	return c
}

// packageURL is the purl of a Go module, which is in lower case by its definition.
func packageURL(path, version string) string {
	return "pkg:golang/" + strings.ToLower(path) + "@" + strings.ReplaceAll(version, "+", "%2B")
}

// serial is a UUID of version 8 (RFC 9562, 5.8) made of the program's checksum, so that the same program has the same list.
func serial(sum [sha256.Size]byte) string {
	u := sum[:16]
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
