package lab

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/heliograph-edge/heliograph/health/canary"
)

// spell is the time from one Break or Mend of an origin to the next. It answers
// the requests that arrive meanwhile.
type spell struct {
	fault Fault
	since time.Time
	over  chan struct{} // closed when the next spell begins

	paper      http.Handler
	redesigned func(*http.Request) []byte // the newspaper's page in its other design
	proofs     proofs                     // canaries; none when zero
	other      string                     // the origin's name with or without www
	edge       func() *url.URL            // where the edge is; a nil URL when nobody said
	now        func() time.Time           // for Flap, Residual and since

	delay    time.Duration // of Slow, before an answer
	pause    time.Duration // of SlowBody, between pieces
	rate     int           // of Throttle, in bytes per second
	turn     time.Duration // of Flap, between two turns
	residual time.Duration // of Residual, without an attempt until connections pass

	// guarded by the endpoint's mu
	tried  time.Time // when somebody last tried to connect under Residual
	passed bool      // nobody tried for long enough
}

// ServeHTTP answers with the newspaper, or as the spell's fault has it.
func (s *spell) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch s.fault.Stage() {
	case StageConnect:
		if s.fault == Flap && s.ebbs() {
			reset(takeOver(w))
		}
		s.publish(w, r)
	case StageRequest:
		s.answer(w, r)
	case StageBody:
		s.maim(w, r)
	case StageIdentity:
		s.pose(w, r)
	default:
		s.publish(w, r)
	}
}

// publish is the origin as it should be: the newspaper and its canary.
func (s *spell) publish(w http.ResponseWriter, r *http.Request) {
	if text := s.proofs.under(s.fault); r.URL.Path == canary.Path && text != "" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		send(w, text)
		return
	}
	s.paper.ServeHTTP(w, r)
}

// refuses reports whether a connection that was just accepted is to be reset, and
// remembers the attempt.
func (s *spell) refuses() bool {
	switch s.fault {
	case Reset:
		return true
	case Flap:
		return s.ebbs()
	case Residual:
		quiet := s.now().Sub(s.tried)
		s.tried = s.now()
		s.passed = s.passed || quiet >= s.residual
		return !s.passed
	}
	return false
}

// ebbs reports whether Flap has nobody through just now. It begins so.
func (s *spell) ebbs() bool { return s.now().Sub(s.since)/s.turn%2 == 0 }

// wait lasts for the duration, or until the spell is over. When the reader goes
// away it ends the request.
func (s *spell) wait(reader context.Context, duration time.Duration) {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.over:
	case <-reader.Done():
		abort()
	}
}

// hold lasts until the spell is over. When the reader goes away it ends the request.
func (s *spell) hold(reader context.Context) {
	select {
	case <-s.over:
	case <-reader.Done():
		abort()
	}
}
