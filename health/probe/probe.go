package probe

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/heliograph-edge/heliograph/health"
)

const (
	// maxAddresses is how many addresses of one host are looked at. A resolver's
	// answer must not turn one probe into a scan.
	maxAddresses = 16
	// atOnce is how many addresses First looks at together: more connections at the
	// same moment look like an attack to some servers.
	atOnce = 4
)

// Run looks at every address of the target at the same time, each with the
// whole Timeout. The results are in the resolver's order; there is always at
// least one, and when nothing could be resolved it says so.
func Run(ctx context.Context, t Target) []Result { return t.everywhere(ctx, maxAddresses) }

// First looks at every address of the target as Run does, four at a time, and makes
// one result of them. It is the first good one; one address that works is enough
// for a reader, and Notice tells of those that do not. Without a good one it is the
// failure that got furthest.
func First(ctx context.Context, t Target) Result { return together(t.everywhere(ctx, atOnce)) }

// Each looks at each target with First, in order: the pages of one origin that must
// all be good. It ends with the first that is not.
func Each(ctx context.Context, pages []Target) []Result {
	var results []Result
	for _, t := range pages {
		r := First(ctx, t)
		results = append(results, r)
		if !r.OK() {
			break
		}
	}
	return results
}

// Sum is what the results of Each come to in one observation: the first failure, or the last
// success. What only some pages showed of it, a notice or a canary, is in it too. Without results it
// is an InternalError.
func Sum(results []Result) health.Observation {
	if len(results) == 0 {
		return health.Observation{At: time.Now(), Class: health.InternalError, Reason: "no page to probe is configured"}
	}
	sum := results[len(results)-1]
	for _, r := range results[:len(results)-1] {
		sum.note(r.Notice)
		sum.Proven = sum.Proven || r.Proven && sum.OK()
		if sum.CDN == "" {
			sum.CDN = r.CDN
		}
	}
	return sum.Observation
}

// One looks at one address of the target.
func One(ctx context.Context, t Target, address netip.Addr) Result {
	if err := t.check(); err != nil {
		return impossible(err)
	}
	return t.lookAt(ctx, t.placeOf(address))
}

// impossible is the result of a target that cannot be looked at.
func impossible(err error) Result {
	return Result{Observation: health.Observation{
		At: time.Now(), Class: health.InternalError, Reason: err.Error(),
		Evidence: []string{"nothing was asked: this is a mistake in the target, not of the origin"},
	}}
}

// everywhere looks at all places that the target's name leads to, so many at a time.
func (t Target) everywhere(ctx context.Context, width int) []Result {
	if err := t.check(); err != nil {
		return []Result{impossible(err)}
	}
	name := t.resolve(ctx)
	if name.ruling.failed() {
		return []Result{t.unresolved(ctx, name)}
	}
	results := make([]Result, len(name.places))
	slots := make(chan struct{}, width)
	var looks sync.WaitGroup
	for i, p := range name.places {
		slots <- struct{}{}
		looks.Go(func() {
			defer func() { <-slots }()
			r := t.lookAt(ctx, p)
			r.Steps = append([]Step{name.step()}, r.Steps...)
			name.settle(&r, t.secure())
			results[i] = r
		})
	}
	looks.Wait()
	return results
}

// unresolved is the result of a name that leads nowhere.
func (t Target) unresolved(ctx context.Context, name named) Result {
	l := look{target: t, caller: ctx}
	l.end(finding{class: name.ruling.class, stage: health.StageResolve, reason: name.ruling.reason})
	l.result.At, l.result.Steps = time.Now(), []Step{name.step()}
	name.settle(&l.result, t.secure())
	if len(l.result.Evidence) == 0 {
		l.result.Evidence = []string{"only the machine's own resolver was asked, and there is none to compare it with"}
	}
	return l.result
}

// together makes one result of the looks at all addresses of a name.
func together(results []Result) Result {
	good := slices.IndexFunc(results, func(r Result) bool { return r.OK() })
	if good < 0 {
		return furthest(results)
	}
	sum := results[good]
	sum.Evidence = slices.Clone(sum.Evidence)
	var bad []Result
	for _, r := range results {
		if !r.OK() && r.Class != health.InternalError {
			bad = append(bad, r)
		}
	}
	if len(bad) == 0 {
		return sum
	}
	worst := bad[0]
	sum.note(health.Notice{Class: worst.Class, Stage: worst.Stage, Reason: clipped(fmt.Sprintf(
		"%d of %d addresses: %s at %s: %s", len(bad), len(results), worst.Class, worst.Address, worst.Reason), maxReason)})
	for _, r := range bad {
		sum.Evidence = append(sum.Evidence, clipped(fmt.Sprintf("%s: %s: %s", r.Address, r.Class, r.Reason), maxReason))
	}
	return sum
}

// furthest is the failure that got furthest, the first of equals: the address that
// answers wrongly says more than the one that is silent.
func furthest(results []Result) Result {
	return slices.MaxFunc(results, func(a, b Result) int {
		return slices.Index(health.Stages(), a.Stage) - slices.Index(health.Stages(), b.Stage)
	})
}

// note keeps a notice. There is room for one: injected DNS answers before dead addresses,
// these before all that concerns a single answer. The others are told as evidence.
func (r *Result) note(n health.Notice) {
	rank := func(n health.Notice) int {
		switch n.Class {
		case "":
			return 0
		case health.Slow, health.Denied:
			return 1
		case health.DNSInjected:
			return 3
		}
		return 2
	}
	if n == r.Notice || n.Class == "" {
		return
	}
	other := n
	if rank(n) > rank(r.Notice) {
		other, r.Notice = r.Notice, n
	}
	if other.Class != "" {
		r.Evidence = append(r.Evidence, fmt.Sprintf("%s: %s", other.Class, other.Reason))
	}
}
