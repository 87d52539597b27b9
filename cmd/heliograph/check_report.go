package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/probe"
	"github.com/heliograph-edge/heliograph/health/resolve"
)

// maxLine is where lines are broken, conclusions excepted.
const maxLine = 120

// maxURLColumn is the widest that the URLs of the conclusions are made for alignment.
const maxURLColumn = 60

// certificateWarning is how long before its end a certificate is marked.
const certificateWarning = 14 * 24 * time.Hour

// checkReport writes for people what was found. What origins sent is made printable
// here, and nowhere before.
type checkReport struct {
	paint paint
	now   time.Time
	b     bytes.Buffer
}

// write writes a block for each lookup and each address, and then the conclusions.
func (r *checkReport) write(w io.Writer, found []checked, conclusions []conclusion) error {
	for i, c := range found {
		if i == 0 || c.site != found[i-1].site {
			r.site(c.site)
		}
		r.resolution(c)
		for _, result := range c.results {
			r.address(c, result)
		}
	}
	r.conclusions(found, conclusions)
	r.advice(found)
	_, err := w.Write(r.b.Bytes())
	return err
}

// site begins the origins of a site that has a name.
func (r *checkReport) site(name string) {
	if name != "" {
		fmt.Fprintf(&r.b, "%s\n\n", r.paint.in(bold, "site "+name))
	}
}

// line writes a mark, a time and words under one name.
func (r *checkReport) line(m mark, name string, width int, took, words string) {
	before := 2 + len(m) + 2 + width + 2 + 10 + 2
	lines := wrapped(printable(words), maxLine-before)
	text := fmt.Sprintf("  %s  %s  %10s  %s", r.paint.of(m), padded(name, width), took, lines[0])
	r.b.WriteString(strings.TrimRight(text, " ") + "\n")
	for _, more := range lines[1:] {
		fmt.Fprintf(&r.b, "%*s%s\n", before, "", more)
	}
}

// under writes words below a line.
func (r *checkReport) under(words string) {
	const before = 6
	for i, line := range wrapped(printable(words), maxLine-before-2) {
		if i > 0 {
			line = "  " + line
		}
		fmt.Fprintf(&r.b, "%*s%s\n", before, "", line)
	}
}

// resolution writes what each resolver said, side by side.
func (r *checkReport) resolution(c checked) {
	if c.lookup == nil || len(c.lookup.Answers) == 0 {
		return
	}
	fmt.Fprintf(&r.b, "%s\n", r.paint.in(bold, "DNS for "+printable(c.target.URL.Hostname())))
	width := 0
	for _, a := range c.lookup.Answers {
		width = max(width, utf8.RuneCountInString(serverName(a.Server)))
	}
	lies := liesOf(*c.lookup)
	for i, a := range c.lookup.Answers {
		m := markWell
		switch {
		case i == 0 && lied(c):
			m = markUnwell
		case a.Outcome != resolve.Found || a.Injected || len(a.Bogons) > 0 || i == 0 && len(lies) > 0 && c.lookup.Finding.Kind == resolve.Suspected:
			m = markOdd
		}
		r.line(m, serverName(a.Server), width, took(a.Duration), answerWords(a))
	}
	switch f := c.lookup.Finding; {
	case f.Kind == resolve.Unconfirmed && !tabled(*c.lookup):
	case lied(c) && (f.Kind == resolve.Consistent || f.Kind == resolve.Suspected):
		r.under("disproved: what is at " + enumerated(lies) + " is not the publication, and no control resolver knows it")
	default:
		r.under(string(f.Kind) + ": " + f.Reason)
	}
	if c.lookup.Stale {
		r.under("nobody answered; the addresses are of an earlier lookup")
	}
	r.b.WriteByte('\n')
}

// tabled reports whether the machine's own table of hosts has the name, so that nobody
// was asked: such an answer takes no time.
func tabled(l resolve.Result) bool { return len(l.Answers) == 1 && l.Answers[0].Duration == 0 }

// serverName is a resolver without the addresses that it is reached at.
func serverName(s resolve.Server) string {
	name, _, _ := strings.Cut(s.String(), "#")
	return name
}

// answerWords is what one resolver said.
func answerWords(a resolve.Answer) string {
	text := a.Outcome.Words()
	if a.Outcome == resolve.Found {
		var list []string
		for _, bogon := range a.Bogons {
			list = append(list, bogon.String()+" (not connected to)")
		}
		for _, address := range a.Addresses {
			list = append(list, address.String())
		}
		text = enumerated(list)
		if len(a.Aliases) > 0 {
			text += ", by way of " + enumerated(a.Aliases)
		}
	} else if a.Err != nil {
		text += ": " + a.Err.Error()
	}
	if a.Injected {
		text += "; answers were injected"
	}
	if a.Disbelieved > 0 {
		text += fmt.Sprintf("; %d messages were not believed", a.Disbelieved)
	}
	return text
}

// address writes one address, stage by stage.
func (r *checkReport) address(c checked, found probe.Result) {
	heading := printable(c.url)
	if found.Address != "" {
		heading += "  at " + printable(found.Address)
	}
	if !c.target.Via.Direct() && !strings.Contains(found.Address, " via ") {
		heading += "  via " + printable(c.target.Via.String())
	}
	fmt.Fprintf(&r.b, "%s\n", r.paint.in(bold, heading))
	if certificate := found.Certificate; certificate != nil {
		r.under(certificateWords(*certificate, r.now))
		if certificate.Pin != "" {
			r.under("pin " + certificate.Pin)
		}
	}
	r.stages(c, found)
	if found.Class != health.OK && found.Class != health.InternalError {
		r.under("→ " + string(found.Class) + ": " + found.Class.Meaning())
	}
	if n := found.Notice; n.Class != "" {
		words := n.Reason
		if n.Class == health.DNSInjected {
			words = n.Class.Meaning() // the reason stands above
		}
		r.under("although: " + string(n.Class) + ": " + words)
	}
	for _, line := range found.Evidence {
		if c.lookup == nil || !slices.Contains(c.lookup.Evidence, line) { // which stands above
			r.under("· " + line)
		}
	}
	r.b.WriteByte('\n')
}

// stages writes a line for each stage; those that were not reached have no time.
func (r *checkReport) stages(c checked, found probe.Result) {
	const width = len(health.StageHandshake)
	steps := make(map[health.Stage]probe.Step)
	for _, s := range found.Steps {
		steps[s.Stage] = s
	}
	for _, stage := range health.Stages() {
		step, reached := steps[stage]
		if stage == health.StageResolve && c.lookup != nil && step.Class == health.OK {
			step.Words, _, _ = strings.Cut(step.Words, " (") // what is made of it stands above
		}
		failed := found.Class != health.OK && found.Stage == stage
		switch {
		case stage == health.StageHandshake && c.target.URL.Scheme == "http" && !reached && !failed:
			continue
		case failed && found.Class == health.InternalError: // which is nobody's failure
			r.line(markOdd, string(stage), width, took(step.Took), reasonOf(found, step))
		case failed:
			r.line(markUnwell, string(stage), width, took(step.Took), reasonOf(found, step))
		case !reached:
			r.line(markNone, string(stage), width, "-", "")
		case step.Class != health.OK && step.Class != "":
			r.line(markOdd, string(stage), width, took(step.Took), step.Words)
		case found.Notice.Stage == stage && found.Notice.Class != "":
			r.line(markOdd, string(stage), width, took(step.Took), step.Words)
		default:
			r.line(markWell, string(stage), width, took(step.Took), step.Words)
		}
	}
	if found.Class != health.OK && found.Stage == "" {
		r.line(markOdd, "-", width, "-", found.Reason)
	}
}

// reasonOf is what ended a look.
func reasonOf(found probe.Result, step probe.Step) string {
	if found.Reason != "" {
		return found.Reason
	}
	return step.Words
}

// certificateWords is a certificate in one line, without its pin.
func certificateWords(c health.Certificate, now time.Time) string {
	left := c.NotAfter.Sub(now)
	days := strconv.Itoa(int(left/(24*time.Hour))) + " days left"
	switch {
	case left < 0:
		days = "EXPIRED " + c.NotAfter.UTC().Format("2006-01-02")
	case left < certificateWarning:
		days = "only " + days
	}
	return "certificate for " + dash(certificateNames(c.Names)) + "; by " + dash(c.Issuer) + "; " + days
}

// conclusions writes one line for each URL.
func (r *checkReport) conclusions(found []checked, conclusions []conclusion) {
	width := 0
	for _, c := range found {
		width = max(width, min(utf8.RuneCountInString(printable(c.url)), maxURLColumn))
	}
	for i, c := range conclusions {
		m := markOf(c.Verdict)
		words := printable(c.Words)
		if m != markWell {
			words = r.paint.in(bold, words)
		}
		fmt.Fprintf(&r.b, "%s  %s  %s\n", r.paint.of(m), padded(printable(found[i].url), width), words)
	}
}

// advice says what the check could not know, where that matters.
func (r *checkReport) advice(found []checked) {
	proof, taken, alone := true, false, false
	for _, c := range found {
		proof = proof && (len(c.target.Contains) > 0 || c.target.Canary != nil)
		for _, result := range c.results {
			taken = taken || result.OK()
		}
		alone = alone || c.lookup != nil && len(c.lookup.Answers) == 1 && !tabled(*c.lookup) && conclude(c, nil).Verdict != health.Healthy
	}
	configured := len(found) > 0 && found[0].configured()
	if taken && !proof {
		r.hint("Nothing proves that these pages are the publication's", configured,
			"give --contains TEXT or --canary-key KEY", "give the site identity.contains or identity.canary")
	}
	if alone {
		r.hint("DNS was compared with nothing", configured,
			"give --control SERVER, best one over TLS or HTTPS", "give control.resolvers, best ones over TLS or HTTPS")
	}
}

// hint says what was not known, and what to give where.
func (r *checkReport) hint(unknown string, configured bool, flag, key string) {
	give := flag
	if configured {
		give = key
	}
	fmt.Fprintf(&r.b, "\n%s\n", r.paint.in(faint, unknown+": "+give+"."))
}
