package origin

import (
	"net/http"
	"strings"

	"github.com/heliograph-edge/heliograph/health"
)

// hint passes on a 103 of an attempt. It goes out before the answer can be inspected,
// so its origin must be one that probes know to be the publication, and nobody's
// answer in this race may have been anything else.
func (r *race) hint(a *attempt, code int, header http.Header) {
	if r.ask.Interim == nil || r.doubted || r.pool.tracker.View(a.origin.ID).Verdict != health.Healthy {
		return
	}
	links := r.pool.site.ownLinks(header["Link"])
	if len(links) == 0 {
		return
	}
	header["Link"] = links
	r.ask.Interim(code, header)
}

// ownLinks keeps the links of a Link field (RFC 8288 §3) that lead to the publication.
func (s *Site) ownLinks(lines []string) []string {
	var own []string
	for _, line := range lines {
		for _, link := range links(line) {
			link = strings.TrimSpace(link)
			target, _, ok := strings.Cut(strings.TrimPrefix(link, "<"), ">")
			if ok && link[0] == '<' && !s.foreign(target) {
				own = append(own, link)
			}
		}
	}
	return own
}

// links cuts a line of a Link field into its members. A comma inside a target or a
// quoted string is none between members.
func links(line string) []string {
	var all []string
	var until byte // what ends the target or the string that we are in
	start := 0
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case until == '"' && c == '\\':
			i++
		case until != 0:
			if c == until {
				until = 0
			}
		case c == '<':
			until = '>'
		case c == '"':
			until = '"'
		case c == ',':
			all = append(all, line[start:i])
			start = i + 1
		}
	}
	return append(all, line[start:])
}
