package cache

import "net/http"

// recourse is how a request goes on that what is stored whole does not answer as it is.
type recourse uint8

// The closed set of recourses.
const (
	recourseFill     recourse = iota // join the fill, or begin it
	recourseParts                    // to what is stored in part: a range of a page that is not stored whole
	recourseRefuse                   // 504: the request forbids asking an origin (RFC 9111 §5.2.1.7)
	recoursePass                     // ask for this reader alone: a fill would store what the request forbids to store
	recourseHead                     // ask for the header alone: only GET makes a page
	recourseDeclined                 // ask for this reader alone: nobody must wait for what cannot be stored
)

// recourseOf decides how a request goes on. declined says that the answers to its audience
// could not be stored lately. A range is not looked at twice: behind [recourseParts] the
// same is asked of a request that is not ranged, with the audience of the parts.
func recourseOf(method string, ranged bool, d Directives, declined bool) recourse {
	switch {
	case ranged:
		return recourseParts
	case d.OnlyIfCached:
		return recourseRefuse
	case d.NoStore:
		return recoursePass
	case method == http.MethodHead:
		return recourseHead
	case declined:
		return recourseDeclined
	}
	return recourseFill
}

// ranged reports whether a request is for ranges of a page (RFC 9110 §14.2: only GET is). One
// that is for more than [ModestRange] allows is for the page.
func (r *Request) ranged() bool {
	return r.HTTP.Method == http.MethodGet && len(r.HTTP.Header["Range"]) > 0 && ModestRange(r.HTTP.Header)
}

// PartOutcome says how a request for ranges of a page that is not stored whole was answered.
type PartOutcome string

// The closed set of such outcomes.
const (
	PartHit    PartOutcome = "hit"    // from what is stored
	PartFilled PartOutcome = "filled" // by a fill, with what was stored beside
	PartPassed PartOutcome = "passed" // by an origin's answer to this reader alone
	PartFailed PartOutcome = "failed" // not at all
)

// PartOutcomes lists the closed set, for metrics that must exist at zero.
func PartOutcomes() []PartOutcome {
	return []PartOutcome{PartHit, PartFilled, PartPassed, PartFailed}
}

// partOutcome is the outcome that an answer, or the lack of one, stands for.
func partOutcome(a Answer, err error) PartOutcome {
	switch {
	case err != nil:
		return PartFailed
	case a.Response != nil:
		return PartPassed
	case a.Result == Hit, a.Result == Stale:
		return PartHit
	}
	return PartFilled
}
