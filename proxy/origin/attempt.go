package origin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/heliograph-edge/heliograph/health"
)

// Reasons why an attempt's context ends that are ours, not the origin's.
var (
	errOvertaken = errors.New("another origin answered first")
	errDeadline  = errors.New("no origin answered within the deadline")
	errDone      = errors.New("the answer was read")
)

// errBodyIdle ends an attempt, too, but it is the origin's doing.
var errBodyIdle = fmt.Errorf("the body stopped coming: %w", os.ErrDeadlineExceeded)

// Attempt tells how one request to one origin ended.
type Attempt struct {
	Origin   string
	Class    health.Class
	Stage    health.Stage
	Reason   string
	Status   int // 0 without an answer
	Duration time.Duration
	Hedge    bool
	Sent     bool // something of the request may have reached the origin
}

// maxIdleEnds is how many connections that turn out to be closed one request with a body is tried
// on before it is given a new one.
const maxIdleEnds = 4

// attempt is one request to one origin under way.
type attempt struct {
	pool     *Pool
	origin   *Origin
	place    int // of the origin in the site
	ask      *Ask
	hedge    bool
	moved    bool // from the origin that the request was meant for
	http1    bool // sent by HTTP/1.1, whatever the origin is asked by else
	last     bool // no other origin is asked after it
	started  time.Time
	upload   atomic.Int64 // nanoseconds until a request with a body was sent whole
	ctx      context.Context
	cancel   context.CancelCauseFunc
	progress progress
}

// ended is what an attempt came to.
type ended struct {
	attempt  *attempt
	response *http.Response // nil without an answer
	found    finding
	at       time.Time // when the header arrived, or the failure
	source   io.Closer // the body as the transport gave it; nil without an answer
	earlier  []Attempt // at the same origin, by HTTP/2
}

// send asks the origin and inspects the answer. It blocks. A safe request whose HTTP/2
// stream or connection is cut short is sent once more, by HTTP/1.1; to a site's only origin
// none is that may have been acted on, but the next ones go by HTTP/1.1.
func (a *attempt) send(body io.ReadCloser, told heard) ended {
	told.connected, told.seen = a.origin.connected, &a.origin.keepAlive
	a.progress.once = a.pool.lone()
	e := a.once(body, told)
	if e.found.class != health.StreamReset {
		return e
	}
	a.origin.cuts.add(e.at, e.found.reason)
	if a.progress.once && !strings.Contains(e.found.reason, "HTTP_1_1_REQUIRED") { // RFC 9113 §7
		a.origin.cuts.mended(e.at)
		return e
	}
	if !a.ask.safe() || a.ask.Body != nil || a.ctx.Err() != nil || !a.pool.allowed(false) {
		return e
	}
	if e.source != nil {
		e.source.Close()
	}
	return a.again(e, told)
}

// again sends by HTTP/1.1 what HTTP/2 has cut short. Where that brings no answer, the cut stays
// the result: not to speak HTTP/1.1 is no fault of an origin's.
func (a *attempt) again(e ended, told heard) ended {
	a.http1 = true
	a.progress.stage.Store(0)
	a.progress.sent.Store(false)
	again := a.once(nil, told)
	if again.response == nil {
		a.progress.sent.Store(true) // by HTTP/2, whatever became of it now
		if !again.cutShort() {
			again.tell()
		}
		return e
	}
	e.tell()
	if again.found.class == health.OK {
		a.origin.cuts.mended(again.at)
	}
	again.earlier = []Attempt{e.describe()}
	again.found.notice = health.Notice{Class: e.found.class, Stage: e.found.stage, Reason: e.found.reason}
	return again
}

// once sends the request and inspects the answer.
func (a *attempt) once(body io.ReadCloser, told heard) ended {
	response, err := a.exchange(body, told)
	now, uploading := a.pool.now(), a.uploading()
	if err != nil {
		stage := a.progress.at()
		return ended{attempt: a, at: now, found: finding{
			class: health.Classify(err, stage), stage: stage, reason: err.Error(), silent: uploading,
		}}
	}
	e := ended{attempt: a, response: response, source: response.Body, at: now}
	if why := a.ask.impossible(response); why != "" {
		e.found = finding{class: health.ProtocolError, stage: health.StageRequest, reason: why, silent: uploading}
		return e
	}
	if response.StatusCode == http.StatusSwitchingProtocols {
		e.found.class = health.OK
		return e
	}
	a.progress.reach(stageBody)
	guarded := a.guard(response)
	e.found = inspect(response, a.ask.Method, &a.pool.site, a.last)
	e.found.silent = e.found.silent || uploading
	e.heed()
	guarded.passedOn.Store(true)
	return e
}

// exchange sends the request and returns the answer. Where a connection turns out to have been
// closed while it was idle, so that nothing of the request has left, it is sent on another: net/http
// does so for requests without a body, and this for the others, [maxIdleEnds] times.
func (a *attempt) exchange(body io.ReadCloser, told heard) (*http.Response, error) {
	ctx := a.progress.watch(a.ctx, a.ask.resendable(), told)
	for turn := 0; ; turn++ {
		if turn == maxIdleEnds {
			a.origin.Close() // those that are idle: the last is a new one
		}
		response, err := a.roundTrip(a.origin.direct(ctx, a.ask, body, a.sharing()))
		switch {
		case err == nil:
			a.progress.amend(response)
			if a.progress.conn != nil {
				a.progress.conn.heed(response.Header)
			}
			return response, nil
		case !a.progress.unsent() || turn == maxIdleEnds || a.ctx.Err() != nil:
			return nil, err
		}
		a.progress.sent.Store(false)
		if body != nil {
			var ok bool
			if body, ok = a.ask.Body.open(); !ok {
				return nil, err
			}
		}
	}
}

// sharing is what the origin shares the site with.
func (a *attempt) sharing() sharing {
	switch {
	case a.pool.lone():
		return withNobody
	case a.moved:
		return movedOn
	}
	return withOthers
}

// heed has the origin rest where its answer asks for that.
func (e *ended) heed() {
	if e.found.class == health.RateLimited {
		e.found.retryAfter = retryAfter(e.response.Header, e.at)
		e.attempt.origin.rest(e.at, e.found.retryAfter)
	}
}

// describe is the attempt as the record keeps it.
func (e ended) describe() Attempt {
	d := Attempt{
		Origin: e.attempt.origin.ID.Origin, Class: e.found.class, Stage: e.found.stage, Reason: e.found.reason,
		Duration: e.at.Sub(e.attempt.started), Hedge: e.attempt.hedge, Sent: e.attempt.progress.sent.Load(),
	}
	if e.response != nil {
		d.Status = e.response.StatusCode
	}
	return d
}

// drop lets go of an answer that nobody will read.
func (e ended) drop(why error) {
	if e.response != nil {
		e.response.Body.Close()
	}
	e.attempt.cancel(why)
}

// cutShort reports whether the attempt ended because we ended it.
func (e ended) cutShort() bool {
	cause := context.Cause(e.attempt.ctx)
	return e.found.class != health.OK && cause != nil && cause != errBodyIdle
}

// report tells health what the attempt saw.
func (e ended) report() {
	a := e.attempt
	switch {
	case e.cutShort():
		return
	case e.found.silent:
		e.tell()
		return
	case e.found.class == health.OK && e.response.StatusCode != http.StatusSwitchingProtocols:
		a.origin.latency.add(e.at.Sub(a.asked()))
	}
	a.pool.observe(a.origin, e.observation(), a.hedge)
}

// tell tells the metrics alone what the attempt saw.
func (e ended) tell() { e.attempt.pool.tell(e.attempt.origin, e.observation(), e.attempt.hedge) }

// observation is what the attempt saw, as health takes it.
func (e ended) observation() health.Observation {
	o := health.Observation{
		At: e.at, Live: true, Class: e.found.class, Stage: e.found.stage, Reason: e.found.reason,
		Evidence: e.found.evidence, Notice: e.found.notice, RetryAfter: e.found.retryAfter,
	}
	if e.response != nil {
		o.Status = e.response.StatusCode
		o.Timings.FirstByte = e.at.Sub(e.attempt.asked())
	}
	return o
}

// reportSlow tells health of an attempt that has not answered by now, although it
// had the time that one may take.
func (a *attempt) reportSlow(now time.Time, why string) {
	waited := now.Sub(a.asked())
	if waited < hedgeLatest {
		return
	}
	stage := a.progress.at()
	a.pool.observe(a.origin, health.Observation{
		At: now, Live: true, Class: health.Classify(context.DeadlineExceeded, stage), Stage: stage,
		Reason: fmt.Sprintf("no answer within %s: %s", waited.Round(time.Millisecond), why),
	}, a.hedge)
}

// guard puts a watch on the answer's body: an idle time-out, a report to health
// when it breaks off, and the end of the attempt when it is closed.
func (a *attempt) guard(response *http.Response) *guardedBody {
	if response.StatusCode == http.StatusNotModified {
		// It has none (RFC 9110 §15.4.5), but HTTP/2 misses the one that its Content-Length tells of.
		response.Body.Close()
		response.Body = http.NoBody
	}
	g := &guardedBody{ReadCloser: response.Body, attempt: a}
	if a.ask.safe() && !isEventStream(response.Header) {
		g.idle = time.AfterFunc(bodyIdleTimeout, func() { a.cancel(errBodyIdle) })
		g.idle.Stop()
	}
	response.Body = g
	return g
}

// guardedBody is an answer's body under watch. Like any body it belongs to one
// reader at a time.
type guardedBody struct {
	io.ReadCloser
	attempt  *attempt
	idle     *time.Timer // nil where a body may take its time
	passedOn atomic.Bool // inspected: what breaks from now on, the attempt's own report does not tell
	read     int64       // bytes so far
	due      int64       // bytes that it must have; 0 where the transport sees to that
	broken   bool        // and reported
}

// Read implements io.Reader. Only the time inside it counts as idle: a slow reader
// is not the origin's fault.
func (g *guardedBody) Read(p []byte) (int, error) {
	if g.idle != nil {
		g.idle.Reset(bodyIdleTimeout)
	}
	n, err := g.ReadCloser.Read(p)
	if over := g.read + int64(n) - g.due; g.due > 0 && over >= 0 {
		n, err = n-int(over), io.EOF
	} else if g.due > 0 && err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	g.read += int64(n)
	if g.idle != nil {
		g.idle.Stop()
	}
	if err != nil && err != io.EOF {
		err = g.broke(err)
	}
	return n, err
}

// broke reports a body that broke off, unless we broke it.
func (g *guardedBody) broke(err error) error {
	a := g.attempt
	switch cause := context.Cause(a.ctx); cause {
	case nil:
	case errBodyIdle:
		err = fmt.Errorf("%w: nothing for %s", cause, bodyIdleTimeout)
	default:
		return err
	}
	if !g.passedOn.Load() || g.broken || a.uploading() {
		return err
	}
	g.broken = true
	class := health.Classify(err, health.StageBody)
	switch class {
	case health.BodyStalled:
		class = stalledAt(g.read)
	case health.StreamReset:
		a.origin.cuts.add(a.pool.now(), err.Error())
	}
	a.pool.observe(a.origin, health.Observation{
		At: a.pool.now(), Live: true, Class: class, Stage: health.StageBody, Reason: err.Error(),
	}, a.hedge)
	return err
}

// Close ends the attempt.
func (g *guardedBody) Close() error {
	defer g.attempt.cancel(errDone)
	return g.ReadCloser.Close()
}
