package console

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/proxy"
	"github.com/heliograph-edge/heliograph/proxy/origin"
)

// ExplainStatus is why a page comes from where it comes, as the API shows it.
type ExplainStatus struct {
	Site        string            `json:"site"`
	URL         string            `json:"url"` // canonical
	Key         cache.Key         `json:"key"`
	Now         time.Time         `json:"now"`
	Action      string            `json:"action"`                 // what would happen now
	CacheStatus string            `json:"cache_status,omitempty"` // as far as it is known before an origin is asked
	Pages       []PageStatus      `json:"pages"`
	Refused     *RefusedStatus    `json:"not_stored,omitempty"` // why the latest answer was not stored
	Fills       int               `json:"fills"`                // under way
	Outage      bool              `json:"outage"`
	Active      string            `json:"active"`
	Origins     []CandidateStatus `json:"origins"` // in the order in which they would be asked
}

// PageStatus is a stored page as the API shows it.
type PageStatus struct {
	Chosen  bool         `json:"chosen"`
	Partial bool         `json:"partial"`
	Status  int          `json:"status"`
	Origin  string       `json:"origin"`
	Vary    []VaryStatus `json:"vary"`
	Codings []string     `json:"codings"` // renditions that are kept
	Tags    []string     `json:"tags"`
	ETag    string       `json:"etag,omitempty"`
	Length  int64        `json:"length"` // as far as it is there
	Parts   *PartsStatus `json:"parts,omitempty"`
	Cost    int64        `json:"cost"` // bytes in the store
	Age     float64      `json:"age_seconds"`
	TTL     float64      `json:"ttl_seconds"` // negative once it is stale
	Steps   []StepStatus `json:"freshness"`
}

// PartsStatus tells which bytes of a page are there that is stored in part.
type PartsStatus struct {
	Complete *int64       `json:"complete_length,omitempty"` // absent where the origin does not tell
	Spans    []SpanStatus `json:"spans"`                     // in order; there is something missing between any two
}

// SpanStatus is a range of bytes that are there, its first and its last.
type SpanStatus struct {
	First int64 `json:"first"`
	Last  int64 `json:"last"`
}

// VaryStatus is a request field that a page varies by.
type VaryStatus struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// StepStatus is a line of the arithmetic of freshness. It has a time, a number of seconds,
// or only the note; both are rounded so that the sums are right.
type StepStatus struct {
	Name    string     `json:"name"`
	Time    *time.Time `json:"time,omitempty"`
	Seconds *float64   `json:"seconds,omitempty"`
	Note    string     `json:"note"`
}

// RefusedStatus is an answer that was not stored.
type RefusedStatus struct {
	Reason  cache.Reason `json:"reason"`
	Meaning string       `json:"meaning"` // of the reason, in a sentence
	At      time.Time    `json:"at"`
	Until   *time.Time   `json:"remembered_until,omitempty"`
}

// CandidateStatus is an origin as a request would meet it.
type CandidateStatus struct {
	Name    string         `json:"name"`
	Asked   bool           `json:"asked"`
	Active  bool           `json:"active"`
	Verdict health.Verdict `json:"verdict"`
	Class   health.Class   `json:"class,omitempty"`
	Reason  string         `json:"reason,omitempty"` // for the verdict
	Note    string         `json:"note,omitempty"`   // why it is not asked, or only after others
}

// explain tells why a page comes from where it comes.
func (a *Admin) explain(w http.ResponseWriter, r *http.Request) {
	asked := r.URL.Query()
	address := asked.Get("url")
	if address == "" {
		Problem(w, http.StatusBadRequest, "say which page: /api/v1/explain?url=https://www.gazette.example/news, with method= and header=Name:value if wanted")
		return
	}
	header, err := fieldsOf(asked["header"])
	if err != nil {
		Problem(w, http.StatusBadRequest, err.Error())
		return
	}
	method := asked.Get("method")
	if method == "" {
		method = http.MethodGet
	}
	e, err := a.Edge.Explain(address, asked.Get("site"), method, header)
	if err != nil {
		refused(w, err)
		return
	}
	document(w, explainStatus(e))
}

// fieldsOf reads header fields, each in one line.
func fieldsOf(lines []string) (http.Header, error) {
	header := make(http.Header)
	for _, line := range lines {
		name, value, ok := strings.Cut(line, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return nil, fmt.Errorf("the header field %q is none; accepted: Name: value", name)
		}
		header.Add(name, value)
	}
	return header, nil
}

// explainStatus is an explanation as the API shows it.
func explainStatus(e proxy.Explanation) ExplainStatus {
	s := ExplainStatus{
		Site: e.Site.Name, URL: e.URL, Key: e.Key, Now: e.Now.UTC(), Action: e.Action, Fills: e.Fills, Outage: e.Outage,
		Active: e.Active, Pages: []PageStatus{}, Origins: []CandidateStatus{},
	}
	if e.Status.Hit || e.Status.Fwd != "" {
		s.CacheStatus = string(e.Status.Append(nil, proxy.Name))
	}
	for _, p := range e.Pages {
		s.Pages = append(s.Pages, pageStatus(p))
	}
	if e.Refused != nil {
		s.Refused = &RefusedStatus{
			Reason: e.Refused.Reason, Meaning: e.Refused.Reason.Meaning(), At: e.Refused.At.UTC(), Until: moment(e.Refused.Until),
		}
	}
	for _, c := range e.Candidates {
		s.Origins = append(s.Origins, candidateStatus(c))
	}
	return s
}

// candidateStatus is a candidate as the API shows it.
func candidateStatus(c origin.Candidate) CandidateStatus {
	return CandidateStatus{
		Name: c.View.ID.Origin, Asked: c.Asked, Active: c.Active, Verdict: c.View.Verdict, Class: c.View.Class,
		Reason: c.View.Reason, Note: c.Why,
	}
}

// partsStatus is which bytes of a page are there as the API shows it, nil for all.
func partsStatus(p *cache.Parts) *PartsStatus {
	if p == nil {
		return nil
	}
	s := &PartsStatus{Spans: []SpanStatus{}}
	if p.Complete >= 0 {
		s.Complete = &p.Complete
	}
	for _, span := range p.Spans {
		s.Spans = append(s.Spans, SpanStatus{span.From, span.To - 1})
	}
	return s
}

// pageStatus is a stored page as the API shows it.
func pageStatus(p cache.PageExplanation) PageStatus {
	s := PageStatus{
		Chosen: p.Chosen, Partial: p.Partial, Status: p.Status, Origin: p.Origin, Vary: []VaryStatus{},
		Codings: append([]string{}, p.Codings...), Tags: append([]string{}, p.Tags...), ETag: p.ETag, Length: p.Length, Cost: p.Cost,
		Parts: partsStatus(p.Parts),
		Age:   p.Age.Seconds(), TTL: p.TTL.Seconds(),
	}
	for _, f := range p.Vary {
		s.Vary = append(s.Vary, VaryStatus(f))
	}
	for _, step := range p.Steps {
		line := StepStatus{Name: step.Name, Note: step.Note}
		switch step.Is {
		case cache.StepTime:
			line.Time = moment(step.At)
		case cache.StepDuration:
			seconds := step.For.Seconds()
			line.Seconds = &seconds
		}
		s.Steps = append(s.Steps, line)
	}
	return s
}
