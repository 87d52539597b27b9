package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/proxy"
)

const (
	// orderLimit bounds the order of a purge: one long URL.
	orderLimit = 64 << 10
	// purgesRetry is when to ask again where too many purges are at work, in seconds.
	purgesRetry = "5"
)

// The states of a purge.
const (
	PurgeRunning     = "running"     // readers get nothing of it any more; the store is being gone through
	PurgeDone        = "done"        //
	PurgeInterrupted = "interrupted" // by the end of the edge
)

// PurgeStatus is a purge as the API shows it.
type PurgeStatus struct {
	ID      uint64          `json:"id,omitempty"` // absent for a dry run
	By      cache.PurgeKind `json:"by"`
	What    string          `json:"what"`
	Mode    string          `json:"mode"` // hard or soft
	DryRun  bool            `json:"dry_run"`
	State   string          `json:"state"`
	Began   time.Time       `json:"began"`
	Done    *time.Time      `json:"done,omitempty"`
	Stored  int             `json:"stored"`  // pages when it began
	Visited int64           `json:"visited"` // of them, so far
	Matched int64           `json:"matched"`
	Bytes   int64           `json:"bytes"` // that the matched pages took
}

// PurgesStatus lists purges, most recent first.
type PurgesStatus struct {
	Purges []PurgeStatus `json:"purges"`
}

// purge does what an operator orders.
func (a *Admin) purge(w http.ResponseWriter, r *http.Request) {
	var order proxy.PurgeOrder
	if err := readOrder(http.MaxBytesReader(w, r.Body, orderLimit), &order); err != nil {
		status := http.StatusBadRequest
		if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
			status = http.StatusRequestEntityTooLarge
		}
		Problem(w, status, err.Error())
		return
	}
	report, err := a.Edge.Purge(r.Context(), order)
	if err != nil {
		refused(w, err)
		return
	}
	status := purgeStatus(report)
	a.Log.Info("an operator asked for a purge", "what", status.What, "by", status.By, "mode", status.Mode, "dry_run", status.DryRun,
		"id", status.ID, "state", status.State, "matched", status.Matched)
	if status.State == PurgeRunning {
		w.Header().Set("Location", "/api/v1/purges/"+strconv.FormatUint(report.ID, 10))
		documentOf(w, http.StatusAccepted, status)
		return
	}
	document(w, status)
}

// readOrder reads one JSON object that has no members but an order's.
func readOrder(body io.Reader, order *proxy.PurgeOrder) error {
	const accepted = `; accepted: a JSON object with one of url, prefix, tag, site, everything, and with soft and dry_run if wanted`
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(order); err != nil {
		return fmt.Errorf("the order cannot be read: %w%s", err, accepted)
	}
	if _, err := d.Token(); errors.As(err, new(*http.MaxBytesError)) {
		return fmt.Errorf("the order cannot be read: %w", err)
	} else if err != io.EOF {
		return errors.New("something follows the order" + accepted)
	}
	return nil
}

// refused answers what cannot be done for an operator.
func refused(w http.ResponseWriter, err error) {
	status := http.StatusServiceUnavailable
	var wrong *proxy.RefusedError
	switch {
	case errors.Is(err, proxy.ErrUnknownSite):
		status = http.StatusNotFound
	case errors.As(err, &wrong):
		status = http.StatusBadRequest
	case errors.Is(err, cache.ErrTooManyPurges):
		w.Header().Set("Retry-After", purgesRetry)
	}
	Problem(w, status, err.Error())
}

// purges lists purges.
func (a *Admin) purges(w http.ResponseWriter, _ *http.Request) {
	all := PurgesStatus{Purges: []PurgeStatus{}}
	for _, r := range a.Edge.Purges() {
		all.Purges = append(all.Purges, purgeStatus(r))
	}
	document(w, all)
}

// purgeOf shows one purge.
func (a *Admin) purgeOf(w http.ResponseWriter, r *http.Request) {
	if id, err := strconv.ParseUint(r.PathValue("id"), 10, 64); err == nil {
		if report, ok := a.Edge.PurgeOf(id); ok {
			document(w, purgeStatus(report))
			return
		}
	}
	Problem(w, http.StatusNotFound, fmt.Sprintf("there is no purge %q any more: see /api/v1/purges", r.PathValue("id")))
}

// purgeStatus is a report as the API shows it.
func purgeStatus(r cache.PurgeReport) PurgeStatus {
	s := PurgeStatus{
		ID: r.ID, By: r.Kind, What: r.What, Mode: r.Mode(), DryRun: r.DryRun, State: PurgeDone, Began: r.Began.UTC(), Done: moment(r.Done),
		Stored: r.Stored, Visited: r.Visited, Matched: r.Matched, Bytes: r.Bytes,
	}
	switch {
	case r.Interrupted:
		s.State = PurgeInterrupted
	case r.Done.IsZero():
		s.State = PurgeRunning
	}
	return s
}
