package gate

import (
	"regexp/syntax"
	"unicode"
)

// required is the longest text that every match of an expression contains, as
// the automaton can find it: ASCII letters may differ in case, others may not.
// It is empty where there is none.
func required(expression string) string {
	parsed, err := syntax.Parse(expression, syntax.Perl|syntax.DotNL)
	if err != nil {
		return ""
	}
	return longest(parsed.Simplify())
}

// longest descends into what a match cannot do without.
func longest(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase != 0 && !foldsAsASCII(re.Rune) {
			return ""
		}
		return string(re.Rune)
	case syntax.OpCapture, syntax.OpPlus:
		return longest(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return longest(re.Sub[0])
		}
	case syntax.OpConcat:
		best := ""
		for _, part := range re.Sub {
			if text := longest(part); len(text) > len(best) {
				best = text
			}
		}
		return best
	}
	return ""
}

// foldsAsASCII reports whether the other cases of all letters are ASCII, too:
// the Kelvin sign is a k, and the long s an s.
func foldsAsASCII(text []rune) bool {
	for _, r := range text {
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			if other > unicode.MaxASCII {
				return false
			}
		}
		if r > unicode.MaxASCII && unicode.SimpleFold(r) != r {
			return false
		}
	}
	return true
}

// plainText is the text that an expression stands for, if it is one text and
// nothing else: most of the expressions in lists are.
func plainText(expression string) (text string, is bool) {
	parsed, err := syntax.Parse(expression, syntax.Perl|syntax.DotNL)
	if err != nil || parsed.Op != syntax.OpLiteral || parsed.Flags&syntax.FoldCase != 0 {
		return "", false
	}
	return string(parsed.Rune), true
}
