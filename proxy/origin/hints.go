package origin

import (
	"net/http"
	"strings"

	"github.com/heliograph-edge/heliograph/health"
)

// hint passes on an interim answer of an attempt, RFC 9110 §15.2. It goes out before the
// answer can be inspected, so its origin must be one that probes know to be the publication, or
// the site's only one and not known to be anything else, and nobody's answer in this race may have
// been anything else. Links that lead elsewhere stay behind, and a 103 of nothing but such links.
func (r *race) hint(a *attempt, code int, header http.Header) {
	if r.ask.Interim == nil || r.doubted || !r.trusts(r.pool.tracker.View(a.origin.ID).Verdict) {
		return
	}
	if lines := header["Link"]; len(lines) > 0 {
		delete(header, "Link")
		if links := r.pool.site.ownLinks(lines); len(links) > 0 {
			header["Link"] = links
		} else if len(header) == 0 && code == http.StatusEarlyHints {
			return
		}
	}
	r.ask.Interim(code, header)
}

// trusts reports whether what an origin with the verdict says may be passed on uninspected.
func (r *race) trusts(v health.Verdict) bool {
	if r.pool.lone() {
		return v != health.Hijacked && v != health.Blocked
	}
	return v == health.Healthy
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
