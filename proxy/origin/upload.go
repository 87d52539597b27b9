package origin

import (
	"errors"
	"time"
)

// bodyStallTimeout is how long a request's body may make no progress at all.
const bodyStallTimeout = 30 * time.Second

// ErrBodyStalled ends a fetch whose request body stopped coming from the reader. It
// is no finding about any origin, and a 408 to the reader, RFC 9110 §15.5.9.
var ErrBodyStalled = errors.New("the request's body stopped coming from the reader")

// uploading reports whether the attempt's origin has been sent a part of a body that
// the reader is still sending: whatever the origin does meanwhile may be the reader's
// doing.
func (a *attempt) uploading() bool {
	return a.ask.Body != nil && a.progress.sent.Load() && !a.ask.Body.isWhole()
}

// asked is when the origin had the whole request, and so the time to answer began.
func (a *attempt) asked() time.Time { return a.started.Add(time.Duration(a.upload.Load())) }

// wrote notes that all of a request with a body was sent. The first time, the deadline
// starts anew: until then it was the reader who took the time.
func (r *race) wrote(a *attempt) {
	now := r.pool.now()
	a.upload.Store(int64(now.Sub(a.started)))
	r.tell(func() {
		if !r.uploaded {
			r.uploaded = true
			r.deadline.Reset(fetchDeadline)
		}
	})
}

// expire takes the end of the deadline. A body that is still being sent gets more
// time, as long as it moves.
func (r *race) expire() {
	if r.absent {
		r.believe()
		return
	}
	body := r.ask.Body
	if body == nil || r.uploaded || len(r.running) == 0 || !r.running[0].progress.sent.Load() {
		r.giveUp()
		return
	}
	forReader, since := body.waits()
	left := bodyStallTimeout - r.pool.now().Sub(since)
	switch {
	case left > 0:
		r.deadline.Reset(left)
	case forReader:
		r.stalled = true
		r.abandon(ErrBodyStalled)
	default: // the origin has stopped to take what is there
		r.giveUp()
	}
}
