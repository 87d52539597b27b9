package mirrors

import (
	"fmt"
	"strings"
	"unicode"
)

// Flaw is what is wrong with an entry of a list.
type Flaw string

// The closed set of flaws.
const (
	NotAnEntry   Flaw = "not_an_entry"   // not an object with texts in it
	BadDomain    Flaw = "bad_domain"     // a site without a name that can be one
	NoURL        Flaw = "no_url"         //
	TooLongURL   Flaw = "url_too_long"   //
	BadURL       Flaw = "bad_url"        // not an address, or a host or port that cannot be
	UnknownProto Flaw = "unknown_proto"  // neither https nor http nor tor
	WrongProto   Flaw = "wrong_proto"    // called tor, and not an onion address
	UnknownType  Flaw = "unknown_type"   // neither mirror nor eotk nor proxy nor ipfs
	Credentials  Flaw = "credentials"    // a user or password in the address
	Private      Flaw = "private"        // leads to a private, reserved or local place
	Duplicate    Flaw = "duplicate"      // given before for the same site
	BadTime      Flaw = "bad_time"       // the entry is taken without its times
	TimesReverse Flaw = "times_reversed" // updated before created: taken without its times
)

// Flaws lists the closed set.
func Flaws() []Flaw {
	return []Flaw{NotAnEntry, BadDomain, NoURL, TooLongURL, BadURL, UnknownProto, WrongProto, UnknownType, Credentials, Private,
		Duplicate, BadTime, TimesReverse}
}

// Meaning is the flaw in words that complete "the entry …".
func (f Flaw) Meaning() string {
	switch f {
	case NotAnEntry:
		return "is not an object with texts in it"
	case BadDomain:
		return "is a site whose main_domain cannot be a name"
	case NoURL:
		return "has no address"
	case TooLongURL:
		return fmt.Sprintf("has an address of more than %d bytes", maxAddress)
	case BadURL:
		return "has an address that cannot be one"
	case UnknownProto:
		return "is neither https nor http nor tor"
	case WrongProto:
		return "is called tor and is not an onion address"
	case UnknownType:
		return "is of a type that is not known"
	case Credentials:
		return "has a user or a password in its address"
	case Private:
		return "leads to a private, reserved or local place"
	case Duplicate:
		return "was given before"
	case BadTime:
		return "has times that cannot be read, and is taken without them"
	case TimesReverse:
		return "was updated before it was created, and is taken without these times"
	}
	return ""
}

// maxNamed is how many entries of one flaw are named.
const maxNamed = 3

// Skipped is what was left out of a list for one flaw: entries, or of entries the times.
type Skipped struct {
	Flaw  Flaw
	Count int
	First []string // names of the first few
}

// String is the sentence for an operator.
func (s Skipped) String() string {
	more := ""
	if s.Count > len(s.First) {
		more = fmt.Sprintf(" and %d more", s.Count-len(s.First))
	}
	return fmt.Sprintf("%s%s: the entry %s", strings.Join(s.First, ", "), more, s.Flaw.Meaning())
}

// skips counts what is left out.
type skips map[Flaw]*Skipped

// add counts one, by its name.
func (s skips) add(flaw Flaw, name string) {
	if s[flaw] == nil {
		s[flaw] = &Skipped{Flaw: flaw}
	}
	s[flaw].Count++
	if len(s[flaw].First) < maxNamed {
		s[flaw].First = append(s[flaw].First, name)
	}
}

// listed is what was left out, in the order of the flaws.
func (s skips) listed() []Skipped {
	var all []Skipped
	for _, flaw := range Flaws() {
		if skipped := s[flaw]; skipped != nil {
			all = append(all, *skipped)
		}
	}
	return all
}

// shown is a text from outside as an operator may see it: short, in one line,
// without what a terminal would obey.
func shown(text string) string {
	const most = 80
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n++; n > most {
			b.WriteString("…")
			break
		}
		if !unicode.IsPrint(r) {
			r = '\uFFFD'
		}
		b.WriteRune(r)
	}
	return b.String()
}
