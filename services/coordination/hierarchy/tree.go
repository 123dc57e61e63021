package hierarchy

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// cluster has as parts the indexes of members on level 0, and those of clusters one level below further up.
type cluster struct{ parts []int }

// form is how a tree is grown.
type form struct {
	size, levels int
	tolerance    api.Decimal
}

// shape is what the parameters say, or what auto_optimize makes of the number of members.
func shape(p *api.HierarchyParams, n int) form {
	f := form{size: p.ClusterSize, levels: p.MaxLevels, tolerance: p.BalanceTolerance}
	if p.AutoOptimize {
		f.size, f.levels = Optimize(n, p.TargetEfficiency)
	}
	return f
}

// grow makes a tree for n members: clusters of them, clusters of those, and so on to one at the top, which is on the last level that
// is allowed or as soon as it is no larger than any other. Every member is in exactly one cluster of level 0, and every cluster but the
// top in exactly one above.
func grow(f form, n int) [][]cluster {
	if f.levels <= 1 {
		return [][]cluster{whole(n)}
	}
	tree := [][]cluster{split(n, f)}
	for {
		switch last := len(tree[len(tree)-1]); {
		case last <= 1:
			return tree
		case last <= f.size || len(tree) == f.levels-1:
			return append(tree, whole(last))
		default:
			tree = append(tree, split(last, f))
		}
	}
}

func whole(n int) []cluster { return []cluster{{parts: counted(0, n)}} }

// split cuts n things into clusters of the size. When the last would be smaller than the rest by more than the tolerance, they are
// spread evenly over as many.
func split(n int, f form) []cluster {
	k := (n + f.size - 1) / f.size
	last := n - (k-1)*f.size
	clusters := make([]cluster, k)
	even := fixed.MulDiv(api.Decimal(f.size-last), api.One, api.Decimal(f.size)) > f.tolerance
	for i, from := 0, 0; i < k; i++ {
		size := min(f.size, n-from)
		if even && k > 1 {
			size = n / k
			if i < n%k {
				size++
			}
		}
		clusters[i].parts = counted(from, from+size)
		from += size
	}
	return clusters
}

func counted(from, to int) []int {
	parts := make([]int, to-from)
	for i := range parts {
		parts[i] = from + i
	}
	return parts
}

// plant grows the tree of a session, with its members on level 0 in the order of their clustering.
func plant(s *api.Session, p *api.HierarchyParams) [][]cluster {
	tree := grow(shape(p, len(s.Members)), len(s.Members))
	order := arranged(s, p)
	for i := range tree[0] {
		for j, at := range tree[0][i].parts {
			tree[0][i].parts[j] = order[at]
		}
		slices.Sort(tree[0][i].parts)
	}
	return tree
}

// arranged lists the members so that those who belong together stand next to each other, and else in their own order.
func arranged(s *api.Session, p *api.HierarchyParams) []int {
	keys := make([]string, len(s.Members))
	for i, m := range s.Members {
		switch p.Clustering {
		case api.ClusterAttributes:
			values := make([]string, len(p.Attributes))
			for j, name := range p.Attributes {
				values[j] = m.Attributes[name]
			}
			keys[i] = strings.Join(values, "\x00")
		case api.ClusterCapability:
			keys[i] = m.Attributes[api.AttributeCapabilities]
		default:
			sum := sha256.Sum256([]byte(s.ID + "/" + m.ID))
			keys[i] = hex.EncodeToString(sum[:])
		}
	}
	order := counted(0, len(s.Members))
	slices.SortStableFunc(order, func(i, j int) int { return strings.Compare(keys[i], keys[j]) })
	return order
}
