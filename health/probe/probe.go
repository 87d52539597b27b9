package probe

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/heliograph-edge/heliograph/health"
)

// maxAddresses is how many addresses of one host are looked at. A resolver's
// answer must not turn one probe into a scan.
const maxAddresses = 16

// Run looks at every address of the target at the same time, each with the
// whole Timeout. The results are in the resolver's order; there is always at
// least one, and when nothing could be resolved it says so.
func Run(ctx context.Context, t Target) []Result {
	addresses, took, failed := addressesOf(ctx, t)
	if failed != nil {
		return []Result{*failed}
	}
	results := make([]Result, len(addresses))
	var looks sync.WaitGroup
	for i, address := range addresses {
		looks.Go(func() {
			results[i] = One(ctx, t, address)
			results[i].Timings.Resolve = took
		})
	}
	looks.Wait()
	return results
}

// First looks at the target's addresses one after the other, as a connection
// for a reader would, until one is good. It returns that one, or else the first
// failure. Timeout covers them all.
func First(ctx context.Context, t Target) Result {
	ctx, cancel := context.WithTimeout(ctx, t.timeout())
	defer cancel()
	addresses, took, failed := addressesOf(ctx, t)
	if failed != nil {
		return *failed
	}
	var first Result
	for i, address := range addresses {
		r := One(ctx, t, address)
		r.Timings.Resolve = took
		if r.OK() {
			return r
		}
		if i == 0 {
			first = r
		}
		if ctx.Err() != nil {
			break
		}
	}
	return first
}

// Round looks at each target with First, in order: the pages of one origin
// that must all be good. It returns the first failure, or the last success.
// Without targets the observation is an InternalError.
func Round(ctx context.Context, pages []Target) health.Observation {
	last := health.Observation{At: time.Now(), Class: health.InternalError, Reason: "no page to probe is configured"}
	for _, t := range pages {
		last = First(ctx, t).Observation
		if !last.OK() {
			break
		}
	}
	return last
}

// addressesOf resolves; instead of addresses there may be the result that says why not.
func addressesOf(ctx context.Context, t Target) (addresses []netip.Addr, took time.Duration, failed *Result) {
	if err := t.check(); err != nil {
		return nil, 0, &Result{Observation: health.Observation{At: time.Now(), Class: health.InternalError, Reason: err.Error()}}
	}
	begun := time.Now()
	addresses, err := t.resolve(ctx)
	took = time.Since(begun)
	if err != nil {
		l := look{target: t, caller: ctx}
		l.result.Timings.Resolve = took
		l.fail(health.StageResolve, health.Classify(err, health.StageResolve), "resolving "+t.URL.Hostname(), err)
		return nil, took, &l.result
	}
	return addresses[:min(len(addresses), maxAddresses)], took, nil
}

// One looks at one address of the target.
func One(ctx context.Context, t Target, address netip.Addr) Result {
	if err := t.check(); err != nil {
		return Result{Observation: health.Observation{At: time.Now(), Class: health.InternalError, Reason: err.Error()}}
	}
	l := look{target: t, caller: ctx}
	defer l.end()
	l.begin(address)
	for _, stage := range []func() bool{l.connect, l.handshake, l.request, l.answered, l.body, l.identity} {
		if !stage() {
			break
		}
	}
	if l.result.OK() {
		l.canary(address)
	}
	l.result.At = time.Now()
	return l.result
}
