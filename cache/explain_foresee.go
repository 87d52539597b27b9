package cache

import "time"

// foresee says what [Cache.Answer] would do.
func (c *Cache) foresee(r *Request, held, parts []*Page, chosen *Page, now time.Time) (action string, status Status) {
	if fwd := bypass(r); fwd != "" {
		return "pass it to an origin: it is not for the cache", Status{Fwd: fwd}
	}
	directives := ParseCacheControl(r.HTTP.Header["Cache-Control"])
	if chosen == nil || !chosen.serves(r.HTTP.Header) {
		return c.foreseeMiss(r, len(held) > 0, parts, directives, now)
	}
	d := c.decide(chosen, r, directives, now)
	status = Status{Hit: true, TTL: d.TTL, HasTTL: true, Detail: d.Detail}
	switch d.Action {
	case Serve:
		return "serve the stored page", status
	case ServeAndRefresh:
		if chosen.isRevived(now) {
			return "serve the stored page; its refresh failed a moment ago", status
		}
		return "serve the stored page, and fetch it anew behind the reader's back", status
	case Refuse:
		return "answer 504: the request wants only what is stored and usable", Status{}
	}
	status = Status{Fwd: d.Detail}
	recourse := recourseOf(r.HTTP.Method, false, directives, c.wasDeclined(audience(r), now))
	switch {
	case recourse != recourseFill:
		return foretold(recourse, &status), status
	case chosen.Validators().Empty():
		return "fetch the page anew: it has nothing to be validated with", status
	}
	return "ask " + chosen.Origin + " whether the stored page still holds", status
}

// foreseeMiss is foresee where nothing stored whole answers the request. others says that
// there are other variants, parts is what is stored in part.
func (c *Cache) foreseeMiss(r *Request, others bool, parts []*Page, directives Directives, now time.Time) (action string, status Status) {
	status = Status{Fwd: FwdURIMiss}
	if others {
		status.Fwd = FwdVaryMiss
	}
	held := Select(parts, r.HTTP.Header)
	if held != nil && !held.serves(r.HTTP.Header) {
		held = nil
	}
	recourse := recourseOf(r.HTTP.Method, r.ranged(), directives, c.wasDeclined(audience(r), now))
	switch {
	case recourse == recourseParts:
		return c.foreseePart(r, held, directives, status, now)
	case recourse == recourseFill && c.restOf(r, held) != nil:
		status.Fwd = FwdPartial
		return "ask an origin for what is missing of the stored parts", status
	}
	return foretold(recourse, &status), status
}

// foreseePart is foreseeMiss of a request for ranges: what [Cache.answerPart] would do. held
// is what is stored in part, or nil.
func (c *Cache) foreseePart(r *Request, held *Page, directives Directives, status Status, now time.Time) (string, Status) {
	fresh := false
	if held != nil {
		d := c.decide(held, r, directives, now)
		fresh = d.Action == Serve
		switch answers := held.answers(r.HTTP); {
		case answers && fresh:
			return "serve the stored part", Status{Hit: true, TTL: d.TTL, HasTTL: true, Detail: d.Detail}
		case answers:
			status.Fwd = d.Detail
		default:
			status.Fwd = FwdPartial
		}
	}
	recourse := recourseOf(r.HTTP.Method, false, directives, c.wasDeclined(audience(r.inParts()), now))
	if recourse == recourseFill || recourse == recourseDeclined {
		rest, reason := c.restOfPart(r, held, fresh)
		switch {
		case rest == nil:
			status.Detail = string(reason)
			return "fetch it for this reader alone: such ranges are not stored", status
		case recourse == recourseDeclined:
		case rest.held != nil:
			return "ask an origin for what is missing of the stored parts", status
		default:
			return "ask an origin for that part, and store it if that is allowed", status
		}
	}
	return foretold(recourse, &status), status
}

// foretold is a recourse in words. It adds to what Cache-Status would say.
func foretold(r recourse, status *Status) string {
	switch r {
	case recourseRefuse:
		*status = Status{}
		return "answer 504: nothing stored answers the request, and it forbids asking an origin"
	case recoursePass:
		return "fetch it for this reader alone: the request forbids storing"
	case recourseHead:
		return "ask an origin for the header alone, which is not stored"
	case recourseDeclined:
		status.Detail = "uncacheable"
		return "fetch it for this reader alone: the latest answer could not be stored"
	}
	return "fetch it from an origin, and store it if that is allowed"
}

// wasDeclined is isDeclined, without being a use of what is remembered.
func (c *Cache) wasDeclined(of Key, now time.Time) bool {
	last, known := c.lastRefusal(of)
	return known && now.Before(last.until)
}
