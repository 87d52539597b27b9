package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/heliograph-edge/heliograph/health"
)

// SiteStatus is a site as the API shows it.
type SiteStatus struct {
	Name    string         `json:"name"`
	Fronts  []string       `json:"fronts"`
	Active  string         `json:"active"`
	Outage  bool           `json:"outage"`
	Origins []OriginStatus `json:"origins"`
}

// OriginStatus is an origin as the API shows it. Times are absent for never.
type OriginStatus struct {
	Name         string              `json:"name"`
	Active       bool                `json:"active"`
	Verdict      health.Verdict      `json:"verdict"`
	Class        health.Class        `json:"class,omitempty"`
	Stage        health.Stage        `json:"stage,omitempty"`
	Reason       string              `json:"reason,omitempty"`
	Evidence     []string            `json:"evidence,omitempty"`
	Notice       *health.Notice      `json:"notice,omitempty"` // what was amiss although the latest probe was good
	Since        *time.Time          `json:"since,omitempty"`
	LastProbe    *time.Time          `json:"last_probe,omitempty"`
	LastSuccess  *time.Time          `json:"last_success,omitempty"`
	Status       int                 `json:"status,omitempty"`
	Address      string              `json:"address,omitempty"`
	NotAfter     *time.Time          `json:"certificate_not_after,omitempty"`
	Certificate  *health.Certificate `json:"certificate,omitempty"`
	Failures     int                 `json:"failures"`
	Successes    int                 `json:"successes"`
	Required     int                 `json:"required,omitempty"` // good probes in a row that bring it into use
	LiveFailures int                 `json:"live_failures"`
	RetryAt      *time.Time          `json:"retry_at,omitempty"`       // until then it asked to be left alone
	Shares       []string            `json:"shares_fate_by,omitempty"` // address, network, CDN
	History      []health.PastProbe  `json:"history,omitempty"`        // only of one origin, oldest first
	Timings      map[string]float64  `json:"timings_seconds"`
}

// NetworkStatus says whether the edge doubts its own network.
type NetworkStatus struct {
	Suspected bool       `json:"suspected"`
	Since     *time.Time `json:"since,omitempty"`
	Reason    string     `json:"reason,omitempty"`
}

// Status is everything /api/v1/sites shows.
type Status struct {
	Version string        `json:"version"`
	Network NetworkStatus `json:"network"`
	Sites   []SiteStatus  `json:"sites"`
}

// sites shows every origin of every site.
func (a *Admin) sites(w http.ResponseWriter, _ *http.Request) {
	document(w, a.status())
}

// status takes the snapshot that sites shows.
func (a *Admin) status() Status {
	status := Status{Version: a.Build.Version, Sites: []SiteStatus{}}
	if since, reason, suspected := a.Tracker.Suspected(); suspected {
		status.Network = NetworkStatus{Suspected: true, Since: moment(since), Reason: reason}
	}
	for _, site := range a.Edge.Sites().All() {
		s := SiteStatus{
			Name: site.Name, Fronts: append([]string{}, site.Fronts...), Active: site.Pool.Active(), Outage: site.Pool.Outage(),
			Origins: []OriginStatus{},
		}
		for _, v := range site.Pool.Views() {
			s.Origins = append(s.Origins, originStatus(v, s.Active))
		}
		status.Sites = append(status.Sites, s)
	}
	return status
}

// originStatus is a view as the API shows it.
func originStatus(v health.View, active string) OriginStatus {
	return OriginStatus{
		Name: v.ID.Origin, Active: v.ID.Origin == active, Verdict: v.Verdict, Class: v.Class, Stage: v.Stage,
		Reason: v.Reason, Since: moment(v.Since), LastProbe: moment(v.LastProbe), LastSuccess: moment(v.LastSuccess),
		Status: v.Status, Address: v.Address, NotAfter: moment(v.NotAfter), Certificate: v.Certificate,
		Failures: v.Failures, Successes: v.Successes, Required: v.Required, LiveFailures: v.LiveFailures,
		Evidence: v.Evidence, Notice: noticed(v.Notice), RetryAt: moment(v.RetryAt), Shares: v.Fates,
		Timings: map[string]float64{
			"resolve": v.Timings.Resolve.Seconds(), "connect": v.Timings.Connect.Seconds(),
			"handshake": v.Timings.Handshake.Seconds(), "first_byte": v.Timings.FirstByte.Seconds(),
			"body": v.Timings.Body.Seconds(),
		},
	}
}

// noticed is a notice as the API shows it: absent where there is none.
func noticed(n health.Notice) *health.Notice {
	if n.Class == "" {
		return nil
	}
	return &n
}

// origin shows one origin, with its latest probes.
func (a *Admin) origin(w http.ResponseWriter, r *http.Request) {
	id := health.ID{Site: r.PathValue("site"), Origin: r.PathValue("origin")}
	for _, site := range a.Edge.Sites().All() {
		for _, v := range site.Pool.Views() {
			if v.ID == id {
				s := originStatus(v, site.Pool.Active())
				s.History = a.Tracker.History(id)
				document(w, s)
				return
			}
		}
	}
	Problem(w, http.StatusNotFound, fmt.Sprintf("site %q has no origin %q: see /api/v1/sites", id.Site, id.Origin))
}

// clear lets a hijacked origin begin anew.
func (a *Admin) clear(w http.ResponseWriter, r *http.Request) {
	id := health.ID{Site: r.PathValue("site"), Origin: r.PathValue("origin")}
	if err := a.Clear(id); err != nil {
		Problem(w, http.StatusConflict, err.Error())
		return
	}
	a.Log.Info("an operator cleared an origin", "site", id.Site, "origin", id.Origin)
	w.WriteHeader(http.StatusNoContent)
}

// document answers with JSON.
func document(w http.ResponseWriter, value any) { documentOf(w, http.StatusOK, value) }

// documentOf answers with a status and JSON.
func documentOf(w http.ResponseWriter, status int, value any) {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		Problem(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(Harmless(text), '\n')) // the caller is gone if this fails
}

// moment is a time as the API shows it: absent when it never was.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	utc := t.UTC()
	return &utc
}
