package gate

import "net/http"

// contradicted judges a page that proves itself and is so bare that it could be
// a notice about the publication.
func (r *reading) contradicted() Finding {
	p := &r.page
	if r.score.Structure >= alikeSome {
		return r.genuine()
	}
	kind, _ := r.tally.named()
	switch {
	case r.sells():
		return r.found(Parked, Medium)
	case p.frames > 0 && p.awayFrom == p.frames && p.text < hollowText && p.links == 0:
		return r.found(Mismatch, Medium)
	case r.tally.clear(kind) && (kind == Seized || kind == BlockPage || kind == Parked):
		return r.found(kind, Medium)
	}
	return r.genuine()
}

// untrusted judges a page that nothing proves.
func (r *reading) untrusted() Finding {
	status := r.answer.Status
	if r.challenges() {
		return r.found(Challenge, High)
	}
	if r.sells() {
		return r.found(Parked, r.confidence(2))
	}
	if kind, weight := r.believed(); weight > 0 {
		return r.found(kind, r.confidence(weight))
	}
	switch {
	case status == http.StatusForbidden:
		return r.found(Denied, Medium)
	case status == http.StatusNetworkAuthenticationRequired:
		return r.found(Mismatch, High)
	case status/100 != 2:
		return r.unproven()
	case r.foreignPath():
		return r.found(ForeignType, Medium)
	case r.isMissing():
		return r.found(Mismatch, High)
	case r.unlike():
		f := r.found(Mismatch, Medium)
		f.unlike = r.missing == ""
		return f
	}
	return r.unproven()
}

// challenges reports whether the page is a challenge by the marks that are
// documented: its title or its script, together with the status.
func (r *reading) challenges() bool {
	status := r.answer.Status
	if status != http.StatusForbidden && status != http.StatusServiceUnavailable {
		return false
	}
	return r.page.testing || r.tally.weight[Challenge] > 0 && r.page.links <= bareLinks
}

// sells reports whether the page is made by a company that parks domains: of its scripts,
// frames or redirects, or of several of its links in its words. Articles link to the
// companies that they are about.
func (r *reading) sells() bool {
	p := &r.page
	return p.parking > 0 && 2*p.parking >= p.links && p.text <= bareText &&
		(p.parkers > 0 || p.parking >= 2 && r.tally.weight[Parked] > 0)
}

// believed is the kind that fingerprints name, if independent signs agree: one
// for a phrase that only a notice says to its reader, two for what others say, too,
// however often. A challenge needs its status.
func (r *reading) believed() (Kind, int) {
	kind, weight := r.tally.named()
	if kind == Challenge {
		return Unknown, 0
	}
	signs := r.signs()
	if r.tally.clear(kind) && signs >= 1 || weight >= 1 && signs >= 2 {
		return kind, weight
	}
	return Unknown, 0
}

// signs counts what speaks against the page without regard to its wording. A bare page
// has nothing that could be like any other: the two are one sign.
func (r *reading) signs() int {
	n := 0
	for _, sign := range [...]bool{r.isMissing(), r.unlike() || r.bare(), r.leavesTheSite(), r.known.Wildcard, r.foreignPath()} {
		if sign {
			n++
		}
	}
	return n
}

// isMissing reports whether a marker is surely not there.
func (r *reading) isMissing() bool { return r.missing != "" && r.answer.Whole }

// unlike reports whether the page has nothing of those that are known.
func (r *reading) unlike() bool {
	return r.answer.complete() && r.score.Unlike() && !r.known.Vouched && !r.known.Proven && !r.marked
}

// leavesTheSite reports whether the page sends the reader away, or is only the
// frame of another.
func (r *reading) leavesTheSite() bool {
	p := &r.page
	return len(r.known.Hosts) > 0 && (len(p.away) > 0 || p.awayFrom > 0 && p.awayFrom == p.frames && p.text < hollowText)
}

// foreignPath reports whether the path asks for what is never a page.
func (r *reading) foreignPath() bool {
	switch asks(r.answer.Path) {
	case askedCode, askedMedia:
		return r.answer.Status/100 == 2
	}
	return false
}

// confidence is that of wording with the signs that there are. Short pieces are bare,
// too: where nothing else is known, that and any wording make no more than a suspicion.
func (r *reading) confidence(weight int) Confidence {
	switch signs := r.signs(); {
	case signs <= 1 && r.bare() && !r.unlike():
		return Low
	case signs+weight >= 4:
		return High
	case signs+weight >= 3:
		return Medium
	}
	return Low
}

// byStatus judges what status and header alone make certain.
func byStatus(a *Answer) (f Finding, certain bool) {
	switch {
	case a.field("Cf-Mitigated") == "challenge":
		return Finding{Kind: Challenge, Confidence: High, Evidence: []string{"the header says cf-mitigated: challenge"}}, true
	case a.field("X-Amzn-Waf-Action") != "":
		return Finding{Kind: Challenge, Confidence: High,
			Evidence: []string{"the header says x-amzn-waf-action: " + a.field("X-Amzn-Waf-Action")}}, true
	case a.Status == http.StatusUnavailableForLegalReasons:
		return Finding{Kind: Legal, Confidence: High, Evidence: legalEvidence(a)}, true
	case a.Status == http.StatusTooManyRequests:
		f := Finding{Kind: RateLimited, Confidence: High, Evidence: []string{"the answer is 429"}}
		if wait := a.field("Retry-After"); wait != "" {
			f.Evidence = append(f.Evidence, "it asks to retry after "+wait)
		}
		return f, true
	}
	return Finding{}, false
}
