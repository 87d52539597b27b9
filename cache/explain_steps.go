package cache

import (
	"fmt"
	"net/http"
	"time"
)

// Step is one line of the arithmetic of a page's freshness (RFC 9111 §4.2): a time, or a
// duration, or only a note.
type Step struct {
	Name string
	At   time.Time
	For  time.Duration
	Is   StepKind
	Note string // where it comes from, in words
}

// StepKind says what a step holds.
type StepKind uint8

// The kinds of steps.
const (
	StepNote StepKind = iota
	StepTime
	StepDuration
)

// StepUnit is what the times and durations of an explanation are rounded to. Those that others
// are reckoned from are rounded first, so that the sums are right as they are printed.
const StepUnit = 100 * time.Millisecond

// steps reckons the page's freshness again, line by line.
func (p *Page) steps(policy Policy, now time.Time) []Step {
	f := p.freshness()
	made, arrived := f.Date.Round(StepUnit), f.Responded.Round(StepUnit)
	apparent, resident := within(arrived.Sub(made)), (f.Age(now) - f.InitialAge).Round(StepUnit)
	first := max(f.InitialAge.Round(StepUnit), apparent)
	date := Step{Name: "Date", Is: StepTime, At: made, Note: "when the origin made the answer"}
	if p.Freshness.Date.Equal(p.Freshness.Responded) {
		date.Note = "when the answer arrived, which its Date says too, or it had none that can be read"
	}
	initial := Step{Name: "initial age", Is: StepDuration, For: first, Note: "the apparent age: the Age field and the time that asking took are no more"}
	if first > apparent {
		initial.Note = "the Age field and the time that asking took: more than the apparent age"
	}
	all := []Step{
		date,
		{Name: "arrived", Is: StepTime, At: arrived, Note: "when the answer's header was here"},
		{Name: "apparent age", Is: StepDuration, For: apparent, Note: "arrived - Date, at least 0"},
		initial,
		{Name: "resident time", Is: StepDuration, For: resident, Note: "now - arrived"},
		{Name: "current age", Is: StepDuration, For: first + resident, Note: "initial age + resident time"},
	}
	all = append(all, p.lifetimeSteps(first, resident)...)
	return append(all, p.allowances(policy, now)...)
}

// lifetimeSteps are the page's lifetime, and what is left of it at its present age: that when
// it arrived and the time since.
func (p *Page) lifetimeSteps(initial, resident time.Duration) []Step {
	source, ruled := p.lifetimeFrom()
	lifetime := Step{Name: "lifetime", Is: StepDuration, For: p.Freshness.Lifetime.Round(StepUnit), Note: source}
	of, spent, left := "lifetime", "current age", lifetime.For
	if ruled { // from when it arrived, however old it was by then
		lifetime.For = (p.Freshness.Lifetime - p.Freshness.InitialAge).Round(StepUnit)
		spent, left = "resident time", initial+lifetime.For
	}
	all := []Step{lifetime}
	if at := p.expired.Load(); at != 0 {
		expired := time.Unix(0, at)
		left = min(left, initial+(p.Freshness.Age(expired)-p.Freshness.InitialAge).Round(StepUnit))
		of, spent = "lifetime left", "current age"
		all = append(all,
			Step{Name: "made stale", Is: StepTime, At: expired.Round(StepUnit), Note: "by a soft purge, or since HEAD found another page in its place"},
			Step{Name: of, Is: StepDuration, For: left, Note: "its age at that time, if that is less"})
	}
	fresh := Step{Name: "fresh for", Is: StepDuration, For: left - initial - resident, Note: of + " - " + spent}
	if fresh.For <= 0 {
		fresh.Name, fresh.For, fresh.Note = "stale for", -fresh.For, spent+" - "+of
	}
	return append(all, fresh)
}

// allowances are what may be done with the page past its lifetime.
func (p *Page) allowances(policy Policy, now time.Time) []Step {
	f := p.freshness()
	var all []Step
	if f.NoCache {
		all = append(all, Step{Name: "no-cache", Note: "the answer asks for validation at every use, also while it is fresh"})
	}
	if f.NoStale {
		all = append(all, Step{Name: "no stale use", Note: p.whatForbidsStale()})
	} else {
		if f.StaleWhileRevalidate > 0 {
			all = append(all, Step{Name: "stale-while-revalidate", Is: StepDuration, For: f.StaleWhileRevalidate, Note: "past the lifetime, while it is fetched anew: as the answer says"})
		}
		onError := Step{Name: "stale-if-error", Is: StepDuration, For: policy.Stale, Note: "past the lifetime, in place of a failure: the site's cache.stale"}
		if f.StaleIfError >= 0 {
			onError.For, onError.Note = f.StaleIfError, "past the lifetime, in place of a failure: as the answer says"
		}
		all = append(all, onError)
	}
	all = append(all, Step{Name: "outage", Is: StepDuration, For: policy.Outage, Note: "past the lifetime, while no origin can be reached: the site's cache.outage"})
	if p.isRevived(now) {
		all = append(all, Step{Name: "not asked again until", Is: StepTime, At: time.Unix(0, p.revived.Load()).Round(StepUnit), Note: "its refresh failed, or took too long"})
	}
	return all
}

// whatForbidsStale names the directive that does.
func (p *Page) whatForbidsStale() string {
	d := ResponseDirectives(p.Header.Unpack())
	switch {
	case d.MustRevalidate:
		return "must-revalidate forbids it past the lifetime"
	case d.ProxyRevalidate:
		return "proxy-revalidate forbids it past the lifetime"
	}
	return "s-maxage forbids it past the lifetime"
}

// lifetimeFrom says where the page's lifetime comes from. ruled says that it counts from when
// the answer arrived, as [Freshness.rule] has it.
func (p *Page) lifetimeFrom() (source string, ruled bool) {
	header := p.Header.Unpack()
	own := Reckon(p.Status, header, p.Freshness.Responded, p.Freshness.Responded)
	d := ResponseDirectives(header)
	in := "Cache-Control"
	if d.Targeted {
		in = "CDN-Cache-Control"
	}
	gone := p.Status == http.StatusNotFound || p.Status == http.StatusGone
	switch {
	case p.Freshness.Explicit && gone && p.Freshness.Lifetime == p.Freshness.InitialAge+GoneFor && p.Freshness.Lifetime != own.Lifetime:
		return fmt.Sprintf("a %d that the origins agree on is kept for %v after it arrived", p.Status, GoneFor), true
	case p.Freshness.Explicit != own.Explicit || p.Freshness.Explicit && p.Freshness.Lifetime != own.Lifetime:
		return "the site's cache.lifetime, from when it arrived", true
	case d.Broken:
		return "0: a lifetime in " + in + " cannot be read, or is stated twice", false
	case d.SMaxAge != Absent:
		return "s-maxage in " + in, false
	case d.MaxAge != Absent:
		return "max-age in " + in, false
	case !d.Targeted && len(header["Expires"]) > 0:
		if own.Lifetime == 0 {
			return "Expires is not after Date, or is no date", false
		}
		return "Expires - Date", false
	case own.Lifetime > 0:
		return "a guess: a tenth of Date - Last-Modified, a day at most", false
	}
	return "0: the answer states none, and none can be guessed", false
}
