package configs

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// reader walks the tree of a file along the shapes of the schema and collects
// what does not fit.
type reader struct {
	source
	mistakes []Mistake
}

// refuse notes a problem with a field whose position is known, and that its
// value was not read.
func (r *reader) refuse(field, problem string) {
	r.refused[field] = true
	r.refuseAt(r.position(field), field, problem, "")
}

func (r *reader) refuseAt(at position, field, problem, accepted string) {
	r.mistakes = append(r.mistakes, Mistake{
		Line: at.line, Column: at.column, Field: field, Problem: problem, Accepted: accepted,
	})
}

func (r *reader) mapping(n ast.Node, field string, keys []key) {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		r.refuse(field, describe(n))
		return
	}
	seen := map[string]position{}
	for _, entry := range m.Values {
		at := positionOf(entry.Key)
		name, ok := entry.Key.(*ast.StringNode)
		if !ok {
			r.refuseAt(at, field, "a key "+describe(entry.Key), "keys in plain words")
			continue
		}
		if first, ok := seen[name.Value]; ok {
			r.refuseAt(at, within(field, plain(name.Value)),
				fmt.Sprintf("the key is given twice, first on line %d", first.line), "each key once")
			continue
		}
		seen[name.Value] = at
		r.entry(entry, field, name.Value, keys)
	}
}

// entry reads the value of one key of a mapping.
func (r *reader) entry(entry *ast.MappingValueNode, field, name string, keys []key) {
	for _, k := range keys {
		if k.name != name {
			continue
		}
		at := within(field, name)
		r.positions[at] = positionOf(entry.Value)
		if _, ok := entry.Value.(*ast.NullNode); ok {
			// A value that is not there has no place of its own.
			r.positions[at] = positionOf(entry.Key)
		}
		k.read(r, entry.Value, at)
		return
	}
	r.unknown(positionOf(entry.Key), field, name, keys)
}

func (r *reader) unknown(at position, field, name string, keys []key) {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	problem := "unknown key"
	if strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://") {
		// Inside braces the parser takes the colon before a port for a key's.
		problem += ` (inside { }, a URL with a port needs quotes: "` + name + `:…")`
	}
	if meant, ok := nearest(name, names); ok {
		problem += fmt.Sprintf(" (did you mean %q?)", meant)
		// The key that was meant is not reported as missing as well.
		r.refused[within(field, meant)] = true
	}
	r.refuseAt(at, within(field, plain(name)), problem, strings.Join(names, ", "))
}

// describe says what a node of the wrong type is.
func describe(n ast.Node) string {
	switch n.(type) {
	case nil, *ast.NullNode:
		return "is empty"
	case *ast.MappingNode:
		return "is a mapping"
	case *ast.SequenceNode:
		return "is a list"
	case *ast.BoolNode:
		return "is " + n.GetToken().Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "is the number " + n.GetToken().Value
	case *ast.StringNode, *ast.LiteralNode:
		return "is text"
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return "uses a YAML anchor, which is not read: write the value out"
	case *ast.TagNode:
		return "has a YAML tag, which is not read: leave it out"
	default:
		return "is a YAML construct that is not read"
	}
}

// plain is a key as it stands in a field's path: quoted when it has characters
// that would make the path hard to read.
func plain(name string) string {
	const inPath = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
	if name != "" && len(name) <= 40 && strings.Trim(name, inPath) == "" {
		return name
	}
	return quote(name)
}

// quote quotes text from the file for a message, shortened to one line's worth.
func quote(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return strconv.Quote(text)
}

// nearest is the word that name is likely a slip of: it begins with the word, or
// at most a third of its letters are wrong. The first is taken among equals.
func nearest(name string, words []string) (string, bool) {
	best, distance := "", len(name)/3+1
	if len(name) > 40 {
		return "", false
	}
	for _, word := range words {
		d := edits(strings.ToLower(name), word)
		if strings.HasPrefix(name, word) {
			d = min(d, 1)
		}
		if d < distance {
			best, distance = word, d
		}
	}
	return best, best != ""
}

// edits is the Levenshtein distance in bytes.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substituted := diagonal
			if a[i] != b[j] {
				substituted++
			}
			diagonal = row[j+1]
			row[j+1] = min(substituted, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
