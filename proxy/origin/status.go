package origin

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/gate"
)

// impossible says why an answer is none that HTTP allows to the request; empty where it is one.
func (a *Ask) impossible(response *http.Response) string {
	status, sent := response.StatusCode, a.Header
	if response.Request != nil {
		sent = response.Request.Header
	}
	switch {
	case status == http.StatusPartialContent && sent.Get("Range") == "" && a.safe(): // else the origin has acted
		return "answered with a part, and was asked for the whole" // RFC 9110 §15.3.7
	case status == http.StatusSwitchingProtocols:
		asked, chosen := protocols(a.Header), protocols(response.Header)
		unasked := func(name string) bool { return !slices.Contains(asked, name) }
		if len(chosen) == 0 || slices.ContainsFunc(chosen, unasked) {
			return fmt.Sprintf("switched to protocols %q, and was asked for %q", chosen, asked) // RFC 9110 §7.8
		}
	case status < 200 || status > 599:
		return fmt.Sprintf("answered %d, which is no status of an answer", status) // RFC 9110 §15
	}
	return ""
}

// protocols lists the members of Upgrade.
func protocols(header http.Header) []string {
	var all []string
	for _, line := range header["Upgrade"] {
		for member := range strings.SplitSeq(strings.ToLower(line), ",") {
			if member = strings.TrimSpace(member); member != "" {
				all = append(all, member)
			}
		}
	}
	return all
}

// judge decides as far as an answer's header tells.
func (s *Site) judge(response *http.Response, method string) finding {
	status := response.StatusCode
	if found, certain := s.refusal(response); certain {
		return found
	}
	switch circle := s.circle(response, method); {
	case status == http.StatusLoopDetected && (!s.lone() || saysLoop(response.Header)):
		return finding{class: health.LoopDetected, stage: health.StageRequest, reason: "508: the request came back to an edge"}
	case status >= 500 && status != http.StatusNotImplemented && status != http.StatusHTTPVersionNotSupported:
		// 501 and 505 judge the request, not the origin.
		return finding{class: health.ServerError, stage: health.StageRequest, word: true,
			reason: fmt.Sprintf("answered %d", status)}
	case circle == toItself && s.unquestioned():
	case circle != "":
		return finding{class: health.RedirectLoop, stage: health.StageRequest, reason: circle}
	case s.leadsAway(response) && (!s.unquestioned() || !statesLifetime(response.Header)):
		// The publication may well send its readers elsewhere, but so does who
		// blocks it: another origin is asked first. It accuses nobody: which it is,
		// probes of the publication's own pages tell.
		away := finding{class: health.RedirectOffsite, stage: health.StageIdentity,
			reason: "redirects to " + clip(response.Header.Get("Location")) + ", which is not the publication's"}
		return away.doubted()
	}
	return finding{class: health.OK, questionable: s.lone() && (status == http.StatusForbidden || s.leadsAway(response))}
}

// saysLoop reports whether a proxy between here and the origin, which this edge is where an
// origin leads back to it, says that it has found a loop, RFC 9209 §2.3.
func saysLoop(header http.Header) bool {
	for _, line := range header["Proxy-Status"] {
		for parameter := range strings.FieldsFuncSeq(line, func(r rune) bool { return r == ',' || r == ';' }) {
			if strings.TrimSpace(parameter) == "error=proxy_loop_detected" {
				return true
			}
		}
	}
	return false
}

// refusal finds the refusals that status and header alone make certain.
func (s *Site) refusal(response *http.Response) (found finding, certain bool) {
	status, header := response.StatusCode, response.Header
	if status != http.StatusUnavailableForLegalReasons && status != http.StatusTooManyRequests &&
		header.Get("Cf-Mitigated") == "" && header.Get("X-Amzn-Waf-Action") == "" {
		return finding{}, false
	}
	judged := s.Gate.Judge(gate.Answer{Status: status, Header: header}, gate.Known{})
	found = foundBy(judged, health.StageRequest)
	switch judged.Kind {
	case gate.Legal, gate.RateLimited:
		// The origin's own word, where nobody has a better one; a stored page is better, unless the
		// only one there is says how long its word holds. RFC 6585 §4 has no 429 stored.
		found.word, found.doubtful = true, !s.unquestioned() || !statesLifetime(header)
		found.questionable = !found.doubtful
		return found, true
	case gate.Challenge:
		// Its scripts work for none but the address that they come from.
		return found, true
	}
	return finding{}, false
}

// foundBy is the gate's objection as a finding.
func foundBy(judged gate.Finding, at health.Stage) finding {
	class := judged.Kind.Class()
	found := finding{class: class, stage: at, reason: class.Meaning(), evidence: judged.Evidence}
	if len(judged.Evidence) > 0 {
		found.reason += ": " + judged.Evidence[0]
	}
	return found
}
