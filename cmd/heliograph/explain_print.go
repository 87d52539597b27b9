package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/proxy/console"
)

// explanationText is an explanation for a person: what would happen, then what that rests on.
func explanationText(e console.ExplainStatus) string {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	fmt.Fprintf(table, "page\t%s\n", printable(e.URL))
	fmt.Fprintf(table, "site\t%s\n", printable(e.Site))
	fmt.Fprintf(table, "key\t%s\n", printable(string(e.Key)))
	fmt.Fprintf(table, "now\t%s\n", printable(e.Action))
	fmt.Fprintf(table, "Cache-Status\t%s\n", printable(dash(e.CacheStatus)))
	fmt.Fprintf(table, "stored\t%s\n", storedWords(e))
	if e.Fills > 0 {
		fmt.Fprintf(table, "fills\t%d under way\n", e.Fills)
	}
	if r := e.Refused; r != nil {
		fmt.Fprintf(table, "not stored\t%s\n", refusedWords(r, e.Now))
	}
	_ = table.Flush() // to memory: it does not fail
	for i, p := range e.Pages {
		b.WriteString("\n" + pageText(i+1, p))
	}
	b.WriteString("\n" + originsText(e))
	return b.String()
}

// storedWords says what is stored in one line.
func storedWords(e console.ExplainStatus) string {
	whole, parts, chosen := 0, 0, ""
	for i, p := range e.Pages {
		if p.Partial {
			parts++
			continue
		}
		whole++
		if p.Chosen {
			chosen = fmt.Sprintf("; number %d answers this request", i+1)
		}
	}
	switch {
	case len(e.Pages) == 0:
		return "nothing"
	case chosen == "":
		chosen = "; none answers this request"
	}
	words := fmt.Sprintf("%d whole", whole)
	if parts > 0 {
		words += fmt.Sprintf(", %d in part", parts)
	}
	return words + chosen
}

// refusedWords says why the latest answer was not stored.
func refusedWords(r *console.RefusedStatus, now time.Time) string {
	words := fmt.Sprintf("%s, said the answer of %s ago", r.Reason, now.Sub(r.At).Round(cache.StepUnit))
	if r.Until != nil && r.Until.After(now) {
		words += fmt.Sprintf("; readers do not wait for each other for %s more", r.Until.Sub(now).Round(cache.StepUnit))
	}
	if r.Meaning != "" {
		words += ". " + r.Meaning
	}
	return words
}

// pageText is one stored page.
func pageText(n int, p console.PageStatus) string {
	var b strings.Builder
	kind := "page"
	if p.Partial {
		kind = "parts"
	}
	fmt.Fprintf(&b, "%s %d: status %d from %s, %s (%s in the store)\n", kind, n, p.Status, printable(p.Origin), sizeOf(p.Length), sizeOf(p.Cost))
	table := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	var vary []string
	for _, f := range p.Vary {
		vary = append(vary, fmt.Sprintf("%s: %s", f.Name, dash(f.Value)))
	}
	for _, line := range []struct{ name, value string }{
		{"varies by", strings.Join(vary, "; ")}, {"codings", strings.Join(p.Codings, ", ")},
		{"tags", strings.Join(p.Tags, ", ")}, {"ETag", p.ETag},
		{"bytes held", heldWords(p.Parts)},
	} {
		if line.value != "" {
			fmt.Fprintf(table, "  %s\t%s\n", line.name, printable(line.value))
		}
	}
	_ = table.Flush() // to memory: it does not fail
	table = tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	for _, s := range p.Steps {
		value := ""
		switch {
		case s.Time != nil:
			value = s.Time.Round(cache.StepUnit).Format("2006-01-02T15:04:05.0Z07:00")
		case s.Seconds != nil:
			value = secondsWords(*s.Seconds)
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\n", s.Name, value, printable(s.Note))
	}
	_ = table.Flush() // to memory: it does not fail
	return b.String()
}

// heldWords says which bytes of a page are there, and of how many; empty for all.
func heldWords(p *console.PartsStatus) string {
	if p == nil {
		return ""
	}
	var spans []string
	for _, s := range p.Spans {
		spans = append(spans, fmt.Sprintf("%d-%d", s.First, s.Last))
	}
	of := "a length that the origin does not tell"
	if p.Complete != nil {
		of = fmt.Sprint(*p.Complete)
	}
	return strings.Join(spans, ", ") + " of " + of
}

// secondsWords is a duration as one reads it: the seconds, and what they are from a minute on,
// both to [cache.StepUnit], so that sums are right as one reads them.
func secondsWords(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second)).Round(cache.StepUnit)
	text := fmt.Sprintf("%.1f s", d.Seconds())
	if d < time.Minute {
		return text
	}
	if days := d / (24 * time.Hour); days > 0 {
		return fmt.Sprintf("%s (%dd%dh)", text, days, d/time.Hour%24)
	}
	return fmt.Sprintf("%s (%s)", text, d)
}

// originsText is the origins in the order in which they would be asked.
func originsText(e console.ExplainStatus) string {
	var b strings.Builder
	b.WriteString("origins, as a request would ask them")
	if e.Outage {
		b.WriteString("; none of them is of use: outage")
	}
	b.WriteString("\n")
	table := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	for i, o := range e.Origins {
		place, marks := fmt.Sprint(i+1), o.Note
		if !o.Asked {
			place = "-"
		}
		if o.Active {
			marks = strings.TrimPrefix(marks+"; readers are sent here", "; ")
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\n", place, printable(o.Name), o.Verdict, dash(string(o.Class)),
			printable(strings.TrimSuffix(strings.TrimPrefix(o.Reason+"; "+marks, "; "), "; ")))
	}
	_ = table.Flush() // to memory: it does not fail
	return b.String()
}
