package gate

import "strings"

// Builtin is our own list: what notices say of themselves, in several
// languages. None of it is taken from anybody's list.
func Builtin() *Set {
	s := &Set{}
	for _, group := range [...]struct {
		kind   Kind
		weight uint8
		list   string
	}{
		{Seized, 2, seizedPhrases}, {Seized, 1, authorityPhrases},
		{Parked, 2, parkedPhrases}, {Parked, 1, salePhrases},
		{BlockPage, 2, blockPhrases}, {BlockPage, 1, deniedPhrases},
		{Challenge, 2, challengePhrases},
		{Mismatch, 2, emptyServerPhrases},
	} {
		for line := range strings.Lines(group.list) {
			name, phrase, found := strings.Cut(strings.TrimSpace(line), ": ")
			if !found {
				continue
			}
			folded := string(appendFolded(nil, []byte(phrase)))
			s.prints = append(s.prints, fingerprint{name: "own:" + group.kind.String() + ":" + name, kind: group.kind,
				weight: group.weight, place: placeWords, text: folded})
		}
	}
	return s
}

// noticeWords are the words of the built-in wording. In a title they tell
// nothing of a publication that writes about blocking.
func noticeWords() map[string]bool {
	words := map[string]bool{}
	for _, title := range []string{"website", "internet", "domain", "notice", "error", "forbidden", "server", "found",
		"welcome", "online", "service", "network", "information"} {
		words[title] = true
	}
	for _, f := range Builtin().prints {
		var found [maxWords][]byte
		_, n := titleWords(nil, []byte(f.text), &found)
		for _, w := range found[:n] {
			words[string(w)] = true
		}
	}
	return words
}
