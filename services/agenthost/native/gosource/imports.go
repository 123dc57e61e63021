package gosource

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"
)

// ImportGraph has the figures of the graph whose nodes are the packages of the tree and whose edges lead from a package
// to those it imports. Left out of it are packages in directories that the go command does not see (testdata, _x, .x) and
// files that it never builds. Every GOOS and GOARCH counts at once. Unless said otherwise, test files do not count.
type ImportGraph struct {
	Packages int `json:"packages"`
	Edges    int `json:"edges"`
	// External counts imported packages that are not in the tree.
	External int `json:"external"`
	// MostImported has the packages that most others import, HighestFanOut those that import most others; at most 10.
	MostImported  []Degree `json:"most_imported"`
	HighestFanOut []Degree `json:"highest_fan_out"`
	// Cycles counts strongly connected components of more than one package, CyclesWithTests the same when test files count.
	Cycles          int `json:"cycles"`
	CyclesWithTests int `json:"cycles_with_tests"`
	// LargestCycleWithTests is how many packages the largest of those components has, 0 when there is none.
	LargestCycleWithTests int `json:"largest_cycle_with_tests"`
	// LongestChain is one longest chain of packages in which each imports the next; a cycle counts as its first package.
	LongestChain []string `json:"longest_chain"`
}

// Degree is how many packages a package imports, or is imported by.
type Degree struct {
	Path  string `json:"path"`
	Count int    `json:"count"`
}

// graphBuilder gathers the import paths of each package until all packages are known.
type graphBuilder struct {
	plain, tests map[string]map[string]bool // directory → import paths
}

func (b *graphBuilder) add(dir string, f *File) {
	if f.BuildIgnored || unseen(dir) {
		return
	}
	if b.plain == nil {
		b.plain, b.tests = map[string]map[string]bool{}, map[string]map[string]bool{}
	}
	if b.plain[dir] == nil {
		b.plain[dir], b.tests[dir] = map[string]bool{}, map[string]bool{}
	}
	to := b.plain[dir]
	if f.Test {
		to = b.tests[dir]
	}
	for _, p := range f.Imports {
		if p != "C" {
			to[p] = true
		}
	}
}

// unseen tells whether the go command's patterns pass a directory by.
func unseen(dir string) bool {
	for part := range strings.SplitSeq(dir, "/") {
		if part == "testdata" || part != "." && (strings.HasPrefix(part, "_") || strings.HasPrefix(part, ".")) {
			return true
		}
	}
	return false
}

func (b *graphBuilder) figures(module string) ImportGraph {
	nodes := slices.Sorted(maps.Keys(b.plain))
	index := make(map[string]int, len(nodes))
	for i, n := range nodes {
		index[n] = i
	}
	plain, all := make([][]int, len(nodes)), make([][]int, len(nodes))
	external := map[string]bool{}
	var g ImportGraph
	g.Packages = len(nodes)
	in := make([]int, len(nodes))
	for i, dir := range nodes {
		for p := range b.plain[dir] {
			to, ok := resolve(index, module, dir, p)
			if !ok {
				external[p] = true
			} else if to != i {
				plain[i] = append(plain[i], to)
			}
		}
		plain[i] = sortedSet(plain[i])
		all[i] = slices.Clone(plain[i])
		for p := range b.tests[dir] {
			if to, ok := resolve(index, module, dir, p); ok && to != i {
				all[i] = append(all[i], to)
			}
		}
		all[i] = sortedSet(all[i])
		g.Edges += len(plain[i])
		for _, to := range plain[i] {
			in[to]++
		}
	}
	out := make([]int, len(nodes))
	for i := range plain {
		out[i] = len(plain[i])
	}
	g.External = len(external)
	g.MostImported, g.HighestFanOut = highest(nodes, in), highest(nodes, out)
	components := stronglyConnected(plain)
	g.Cycles, _ = cycles(components)
	g.CyclesWithTests, g.LargestCycleWithTests = cycles(stronglyConnected(all))
	for _, i := range longestChain(plain, components) {
		g.LongestChain = append(g.LongestChain, nodes[i])
	}
	return g
}

func sortedSet(s []int) []int {
	slices.Sort(s)
	return slices.Compact(s)
}

// resolve finds the directory that an import means: in a vendor folder of the importer's parents, else in the module.
func resolve(index map[string]int, module, dir, imported string) (int, bool) {
	for at := dir; ; at = path.Dir(at) {
		if i, ok := index[path.Join(at, "vendor", imported)]; ok {
			return i, true
		}
		if at == "." || at == "/" {
			break
		}
	}
	if module != "" {
		rest, ok := strings.CutPrefix(imported, module)
		if !ok || rest != "" && rest[0] != '/' {
			return 0, false
		}
		imported = "./" + rest
	}
	i, ok := index[path.Clean(imported)]
	return i, ok
}

// relative is dir seen from root, both clean; dir itself when it is not below root.
func relative(root, dir string) string {
	if root == "." || root == dir {
		if root == dir {
			return "."
		}
		return dir
	}
	if rest, ok := strings.CutPrefix(dir, root+"/"); ok {
		return rest
	}
	return dir
}

func highest(nodes []string, counts []int) []Degree {
	var d []Degree
	for i, n := range counts {
		if n > 0 {
			d = append(d, Degree{nodes[i], n})
		}
	}
	slices.SortFunc(d, func(a, b Degree) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Path, b.Path))
	})
	return d[:min(len(d), topEdges)]
}
