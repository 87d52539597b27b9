package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"
)

// originReport is an origin as the API shows it.
type originReport struct {
	Name        string    `json:"name"`
	Alias       string    `json:"alias"`
	URL         string    `json:"url"`
	Address     string    `json:"address"`
	Fault       Fault     `json:"fault"` // empty without one
	Description string    `json:"description,omitempty"`
	Since       time.Time `json:"since"`
	Requests    int64     `json:"requests"`
	Connections int64     `json:"connections"`
}

// faultReport is a fault as the API shows it.
type faultReport struct {
	Name        Fault  `json:"name"`
	Stage       Stage  `json:"stage"`
	Description string `json:"description"`
	NeedsTLS    bool   `json:"needs_tls"`
}

// labReport is the whole lab as the API shows it.
type labReport struct {
	Origins []originReport `json:"origins"`
	Faults  []faultReport  `json:"faults"`
	Readers []Tally        `json:"readers"`
}

// problem is an error as RFC 9457 has it, with what would have been accepted.
type problem struct {
	Type     string   `json:"type"`
	Title    string   `json:"title"`
	Status   int      `json:"status"`
	Detail   string   `json:"detail"`
	Accepted []string `json:"accepted,omitempty"`
}

// Handler is the lab's API. Mount it with http.StripPrefix, without the
// trailing slash, for instance of "/api/v1/lab":
//
//	GET  /                             origins, faults and attached readers' tallies
//	POST /{origin}/break?fault=NAME    or with a JSON body {"fault": "NAME"}
//	POST /{origin}/mend
//	POST /mend                         every origin
//
// An origin is given by name or alias. The answers are JSON: of GET and of
// POST /mend the whole lab, of the others the origin as it is now. Refusals are
// application/problem+json.
func (l *Lab) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { answerJSON(w, l.report()) })
	mux.HandleFunc("POST /{origin}/break", l.serveBreak)
	mux.HandleFunc("POST /{origin}/mend", l.serveMend)
	mux.HandleFunc("POST /mend", func(w http.ResponseWriter, r *http.Request) {
		if err := l.Mend(); err != nil {
			refuse(w, http.StatusInternalServerError, err.Error(), nil)
			return
		}
		answerJSON(w, l.report())
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, fmt.Sprintf("the lab has no %s %s", r.Method, r.URL.Path),
			[]string{"GET /", "POST /{origin}/break?fault=NAME", "POST /{origin}/mend", "POST /mend"})
	})
	return mux
}

func (l *Lab) serveBreak(w http.ResponseWriter, r *http.Request) {
	origin, ok := l.wanted(w, r)
	if !ok {
		return
	}
	name, err := faultName(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error(), faultNames(origin))
		return
	}
	fault, err := ParseFault(name)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error(), faultNames(origin))
		return
	}
	if err := origin.CanShow(fault); err != nil {
		refuse(w, http.StatusBadRequest, err.Error(), faultNames(origin))
		return
	}
	l.answerChange(w, origin, origin.Break(fault))
}

func (l *Lab) serveMend(w http.ResponseWriter, r *http.Request) {
	if origin, ok := l.wanted(w, r); ok {
		l.answerChange(w, origin, origin.Mend())
	}
}

func (l *Lab) answerChange(w http.ResponseWriter, origin *Origin, err error) {
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error(), nil)
		return
	}
	answerJSON(w, origin.report())
}

// wanted is the origin that the path names, or has refused.
func (l *Lab) wanted(w http.ResponseWriter, r *http.Request) (*Origin, bool) {
	name := r.PathValue("origin")
	origin, ok := l.Origin(name)
	if !ok {
		var names []string
		for _, known := range l.origins {
			names = append(names, known.alias, known.name)
		}
		refuse(w, http.StatusNotFound, fmt.Sprintf("the lab has no origin %q", name), names)
	}
	return origin, ok
}

// faultName reads the fault's name from the query or the body.
func faultName(r *http.Request) (string, error) {
	if name := r.URL.Query().Get("fault"); name != "" {
		return name, nil
	}
	if mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); mediaType != "application/json" {
		return "", errors.New(`no fault is given: add ?fault=NAME, or send {"fault": "NAME"} as application/json`)
	}
	var body struct{ Fault string }
	if err := json.NewDecoder(io.LimitReader(r.Body, 4<<10)).Decode(&body); err != nil {
		return "", fmt.Errorf(`the body is not {"fault": "NAME"}: %w`, err)
	}
	return body.Fault, nil
}

// faultNames lists the faults that the origin can show.
func faultNames(origin *Origin) []string {
	var names []string
	for _, fault := range Faults() {
		if origin.CanShow(fault) == nil {
			names = append(names, string(fault))
		}
	}
	return names
}

func (l *Lab) report() labReport {
	report := labReport{Readers: []Tally{}}
	for _, origin := range l.origins {
		report.Origins = append(report.Origins, origin.report())
	}
	for _, fault := range Faults() {
		report.Faults = append(report.Faults, faultReport{fault, fault.Stage(), fault.Description(), fault.NeedsTLS()})
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, reader := range l.readers {
		report.Readers = append(report.Readers, reader.Tally())
	}
	return report
}

func (o *Origin) report() originReport {
	o.endpoint.mu.Lock()
	defer o.endpoint.mu.Unlock()
	return originReport{
		Name: o.name, Alias: o.alias, URL: o.URL(), Address: o.Addr().String(),
		Fault: o.spell.fault, Description: o.spell.fault.Description(), Since: o.spell.since,
		Requests: o.requests, Connections: o.connections,
	}
}

func answerJSON(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	json.NewEncoder(w).Encode(answer) // fails only when the reader has gone
}

func refuse(w http.ResponseWriter, status int, detail string, accepted []string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Accepted: accepted,
	})
}
