package configs

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// The bounds of the input. The parser recurses once or more per level, where a
// stack overflow cannot be recovered from, and takes time quadratic in the keys
// of one mapping: one that fills these bounds takes seconds.
const (
	maxBytes  = 1 << 20
	maxLevels = 32
	maxTokens = 50_000
)

type position struct{ line, column int }

// source remembers where the values of a File were written, for mistakes that
// are found after reading. The zero source is that of the command line.
type source struct {
	// positions holds every field that the file gives, by its path.
	positions map[string]position
	// refused holds the fields that could not be read; what follows from them
	// is not reported again.
	refused map[string]bool
}

// gives reports whether the file itself gives the field.
func (s source) gives(field string) bool {
	_, ok := s.positions[field]
	return ok
}

// position is where the field stands, or else the closest field around it.
func (s source) position(field string) position {
	if s.positions == nil {
		return position{}
	}
	for ; field != ""; field = around(field) {
		if at, ok := s.positions[field]; ok {
			return at
		}
	}
	return position{1, 1}
}

// unreadable reports whether the field, or one around it, was refused.
func (s source) unreadable(field string) bool {
	for ; field != ""; field = around(field) {
		if s.refused[field] {
			return true
		}
	}
	return s.refused[""]
}

// around is the path of the field that a field is part of: of a.b[1], a.b.
func around(field string) string {
	return field[:max(strings.LastIndexAny(field, ".["), 0)]
}

// parseYAML turns text into the tree of its only document, which is nil when the
// text holds no value. The mistake, if any, has no File.
func parseYAML(text []byte) (ast.Node, *Mistake) {
	if m := readable(text); m != nil {
		return nil, m
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	tokens := lexer.Tokenize(string(text))
	if m := bounded(tokens); m != nil {
		return nil, m
	}
	tree, err := parseTokens(tokens)
	if err != nil {
		return nil, syntaxMistake(err)
	}
	return onlyDocument(tree)
}

// readable refuses what is no text, before the parser sees it.
func readable(text []byte) *Mistake {
	if len(text) > maxBytes {
		return &Mistake{
			Line: 1, Column: 1,
			Problem:  fmt.Sprintf("the file has more than %d bytes", maxBytes),
			Accepted: "at most " + formatSize(maxBytes),
		}
	}
	for i, line := 0, 1; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		control := r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f
		if control || r == utf8.RuneError && size == 1 {
			start := bytes.LastIndexByte(text[:i], '\n') + 1
			return &Mistake{
				Line: line, Column: utf8.RuneCount(text[start:i]) + 1,
				Problem:  fmt.Sprintf("the byte 0x%02x is not text", text[i]),
				Accepted: "UTF-8 without control characters",
			}
		}
		if r == '\n' {
			line++
		}
		i += size
	}
	return nil
}

// bounded refuses what the parser would take too long or too deep over. Levels
// in block style are bounded by the indentation they need, except for the
// markers that may follow each other on one line.
func bounded(tokens token.Tokens) *Mistake {
	flow, markers, line := 0, 0, 0
	for i, t := range tokens {
		if t.Position.Line != line {
			line, markers = t.Position.Line, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			markers++
		}
		var problem, accepted string
		switch {
		case flow > maxLevels || markers > maxLevels:
			problem, accepted = "the file is nested too deeply", fmt.Sprintf("at most %d levels", maxLevels)
		case i >= maxTokens:
			problem, accepted = "the file is too long", fmt.Sprintf("at most %d tokens", maxTokens)
		default:
			continue
		}
		return &Mistake{Line: t.Position.Line, Column: t.Position.Column, Problem: problem, Accepted: accepted}
	}
	return nil
}

// parseTokens calls the parser. A panic in there is turned into an error: a
// reload of a file that trips the parser must not end a running edge.
func parseTokens(tokens token.Tokens) (tree *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			tree, err = nil, fmt.Errorf("the YAML parser gave up: %v", r)
		}
	}()
	// Duplicates are found by the reader, which goes on after the first.
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

func syntaxMistake(err error) *Mistake {
	m := &Mistake{Line: 1, Column: 1, Problem: err.Error(), Accepted: `YAML: lines of "key: value", indented with spaces`}
	if syntax, ok := errors.AsType[yaml.Error](err); ok {
		m.Problem = syntax.GetMessage()
		if t := syntax.GetToken(); t != nil && t.Position != nil {
			m.Line, m.Column = t.Position.Line, t.Position.Column
		}
	}
	// Some messages quote the character they stumbled over.
	m.Problem = "not YAML: " + strings.NewReplacer("\t", `\t`, "\r", `\r`, "\n", `\n`).Replace(m.Problem)
	return m
}

func onlyDocument(tree *ast.File) (ast.Node, *Mistake) {
	var only ast.Node
	for _, document := range tree.Docs {
		body := document.Body
		if body == nil {
			continue
		}
		at := positionOf(body)
		if _, ok := body.(*ast.DirectiveNode); ok {
			return nil, &Mistake{
				Line: at.line, Column: at.column,
				Problem: "a YAML directive", Accepted: "a file without directives",
			}
		}
		if only != nil {
			return nil, &Mistake{
				Line: at.line, Column: at.column,
				Problem: "a second document", Accepted: "one document in a file",
			}
		}
		only = body
	}
	return only, nil
}

// positionOf is where the node begins. A mapping in block style begins at its
// first key; its own token is the colon behind that.
func positionOf(n ast.Node) position {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		n = m.Values[0].Key
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return position{t.Position.Line, t.Position.Column}
	}
	return position{1, 1}
}
