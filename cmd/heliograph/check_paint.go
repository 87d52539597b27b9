package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/heliograph-edge/heliograph/health"
)

// paint puts colour around text, or not.
type paint bool

// The colours, as SGR parameters (ECMA-48 §8.3.117). They are the ones that every
// terminal has, so that its user's choice of shades holds.
const (
	green  = "32"
	yellow = "33"
	red    = "31"
	bold   = "1"
	faint  = "2"
)

// in is text in a colour.
func (p paint) in(colour, text string) string {
	if !p || text == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// mark is one of three signs that can be told apart without colour.
type mark string

// The marks, in their common width.
const (
	markWell   mark = "ok"
	markOdd    mark = "! "
	markUnwell mark = "x "
	markNone   mark = "- "
)

// of is the mark in its colour.
func (p paint) of(m mark) string {
	return p.in(map[mark]string{markWell: green, markOdd: yellow, markUnwell: red, markNone: faint}[m], string(m))
}

// markOf is the mark of a verdict.
func markOf(v health.Verdict) mark {
	switch v {
	case health.Healthy:
		return markWell
	case health.Suspect, health.Unknown:
		return markOdd
	}
	return markUnwell
}

// printable is text that others sent, made harmless for a terminal: what would move
// the cursor, change colours or turn the direction of writing is spelled out.
func printable(text string) string {
	clean := true
	for _, r := range text {
		clean = clean && r != utf8.RuneError && strconv.IsPrint(r)
	}
	if clean {
		return text
	}
	var b strings.Builder
	for text != "" {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		text = text[size:]
	}
	return b.String()
}

// padded is text of at least so many characters.
func padded(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}

// wrapped breaks text at spaces into lines of at most so many characters, if its words
// allow that. There is at least one line.
func wrapped(text string, width int) []string {
	lines := []string{""}
	for word := range strings.SplitSeq(text, " ") {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case utf8.RuneCountInString(*last)+1+utf8.RuneCountInString(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}

// took is a duration as it is shown: - for what did not happen.
func took(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', 1, 64) + " ms"
}
