package configs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Mistake is one thing in a configuration that is not accepted.
type Mistake struct {
	// File is where the configuration was read from, empty for the command line.
	File string `json:"file,omitempty"`
	// Line and Column count from 1, columns in characters. Both are 0 when the
	// mistake was not made in a file.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
	// Field is the path of the value, such as sites[0].origins[1].url, or
	// "argument 2" on the command line. It is empty when the whole file is meant.
	Field string `json:"field,omitempty"`
	// Problem says what is wrong, Accepted what would be right.
	Problem  string `json:"problem"`
	Accepted string `json:"accepted"`
}

// String renders the mistake as file:line:column: field: problem; accepted: ….
func (m Mistake) String() string {
	var b strings.Builder
	if m.File != "" {
		b.WriteString(m.File + ":")
	}
	if m.Line > 0 {
		fmt.Fprintf(&b, "%d:%d:", m.Line, m.Column)
	}
	if b.Len() > 0 {
		b.WriteString(" ")
	}
	if m.Field != "" {
		b.WriteString(m.Field + ": ")
	}
	b.WriteString(m.Problem + "; accepted: " + m.Accepted)
	return b.String()
}

// Refusal is the error of a configuration that is not accepted. It holds at
// least one mistake, in file order.
type Refusal struct {
	Mistakes []Mistake
}

// Error lists all mistakes, one per line.
func (r *Refusal) Error() string {
	lines := make([]string, len(r.Mistakes))
	for i, m := range r.Mistakes {
		lines[i] = m.String()
	}
	return strings.Join(lines, "\n")
}

// refusal puts mistakes into file order. It returns nil, as an untyped error,
// when there are none.
func refusal(mistakes []Mistake) error {
	if len(mistakes) == 0 {
		return nil
	}
	slices.SortStableFunc(mistakes, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return &Refusal{Mistakes: mistakes}
}
