package gosource

import (
	"path"
	"slices"
	"strings"
)

// asmFile is what an asm-lines agent finds in one file.
type asmFile struct {
	Path         string `json:"path"`
	Lines        int    `json:"lines"`
	TextSymbols  int    `json:"text_symbols"`
	CommentLines int    `json:"comment_lines"`
}

// Assembly adds up assembly files.
type Assembly struct {
	Files        int `json:"files"`
	Lines        int `json:"lines"`
	TextSymbols  int `json:"text_symbols"`
	CommentLines int `json:"comment_lines"`
}

// AssemblyReport is Assembly for all files and for each architecture, by GOARCH or one of the short forms for several of
// them ("mips64x"), with "any" for files whose name tells none.
type AssemblyReport struct {
	Assembly
	ByArch map[string]Assembly `json:"by_arch"`
}

func (r *AssemblyReport) add(f *asmFile) {
	r.Assembly.add(f)
	arch := archOf(f.Path)
	a := r.ByArch[arch]
	a.add(f)
	r.ByArch[arch] = a
}

func (a *Assembly) add(f *asmFile) {
	a.Files++
	a.Lines += f.Lines
	a.TextSymbols += f.TextSymbols
	a.CommentLines += f.CommentLines
}

var architectures = []string{
	"386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mips64x", "mipsle", "mipsx", "ppc64", "ppc64le",
	"ppc64x", "riscv", "riscv64", "s390x", "sparc64", "wasm",
}

// archOf is the last part of the file's name that is an architecture: asm_linux_arm64.s is arm64, and so is arm64.s.
func archOf(name string) string {
	base := strings.TrimSuffix(path.Base(name), ".s")
	parts := strings.Split(base, "_")
	for _, p := range slices.Backward(parts) {
		if slices.Contains(architectures, p) {
			return p
		}
	}
	return "any"
}
