package main

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/probe"
	"github.com/heliograph-edge/heliograph/health/resolve"
	"github.com/heliograph-edge/heliograph/proxy/console"
)

// checkedJSON is the stable form of one URL; check --json prints a list of them. Times
// are in seconds, instants are RFC 3339. Fields are added, never changed or taken away.
type checkedJSON struct {
	URL        string          `json:"url"`
	Site       string          `json:"site,omitempty"` // with -c
	Conclusion string          `json:"conclusion"`
	Verdict    health.Verdict  `json:"verdict"` // healthy: every address is well; suspect: some are; unknown: not looked at
	Via        string          `json:"via,omitempty"`
	Resolution *resolutionJSON `json:"resolution"` // null where DNS was not asked
	Addresses  []addressJSON   `json:"addresses"`  // at least one; without an address where none was found
}

// resolutionJSON is what the resolvers said.
type resolutionJSON struct {
	Host     string       `json:"host"`
	Finding  resolve.Kind `json:"finding"`
	Reason   string       `json:"reason"`
	OnlyHere bool         `json:"only_here"` // a control resolver knows better
	Seconds  float64      `json:"seconds"`
	Servers  []answerJSON `json:"servers"` // the resolver first
}

// answerJSON is what one resolver said.
type answerJSON struct {
	Server      string          `json:"server"`
	Control     bool            `json:"control"`
	Outcome     resolve.Outcome `json:"outcome"`
	Addresses   []string        `json:"addresses"`
	Refused     []string        `json:"refused"` // of the addresses, those that are not connected to
	Aliases     []string        `json:"aliases"`
	Injected    bool            `json:"injected"`
	Disbelieved int             `json:"disbelieved"`
	Seconds     float64         `json:"seconds"`
	Error       string          `json:"error,omitempty"`
}

// addressJSON is one address.
type addressJSON struct {
	Address     string              `json:"address,omitempty"`
	Class       health.Class        `json:"class"`
	Stage       health.Stage        `json:"stage,omitempty"` // empty for ok
	Reason      string              `json:"reason,omitempty"`
	Evidence    []string            `json:"evidence"`
	Notice      *health.Notice      `json:"notice,omitempty"`
	Steps       []stepJSON          `json:"steps"`
	Seconds     map[string]float64  `json:"timings_seconds"`
	Certificate *health.Certificate `json:"certificate,omitempty"`
	Status      int                 `json:"status,omitempty"`
	Location    string              `json:"location,omitempty"`
	BodyBytes   int64               `json:"body_bytes"`
	Fingerprint string              `json:"fingerprint,omitempty"` // of a block page, where one was believed
	RetryAfter  float64             `json:"retry_after_seconds,omitempty"`
	Proven      bool                `json:"proven"` // by a signed canary
	CDN         string              `json:"cdn,omitempty"`
}

// stepJSON is one stage that was reached.
type stepJSON struct {
	Stage   health.Stage `json:"stage"`
	Class   health.Class `json:"class"`
	Seconds float64      `json:"seconds"`
	Words   string       `json:"words,omitempty"`
}

// writeCheckJSON writes what was found for programs.
func writeCheckJSON(w io.Writer, found []checked, conclusions []conclusion) error {
	list := make([]checkedJSON, len(found))
	for i, c := range found {
		list[i] = checkedJSON{
			URL: c.url, Site: c.site, Conclusion: conclusions[i].Words, Verdict: conclusions[i].Verdict,
			Via: c.target.Via.String(), Resolution: resolutionOf(c), Addresses: []addressJSON{},
		}
		for _, r := range c.results {
			list[i].Addresses = append(list[i].Addresses, addressOf(r))
		}
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(list); err != nil {
		return err
	}
	_, err := w.Write(console.Harmless(b.Bytes()))
	return err
}

func resolutionOf(c checked) *resolutionJSON {
	if c.lookup == nil {
		return nil
	}
	l := *c.lookup
	r := &resolutionJSON{
		Host: c.target.URL.Hostname(), Finding: l.Finding.Kind, Reason: l.Finding.Reason, OnlyHere: l.Finding.OnlyHere,
		Seconds: l.Duration.Seconds(), Servers: []answerJSON{},
	}
	for i, a := range l.Answers {
		said := answerJSON{
			Server: serverName(a.Server), Control: i > 0, Outcome: a.Outcome, Addresses: given(a), Refused: []string{},
			Aliases: append([]string{}, a.Aliases...), Injected: a.Injected, Disbelieved: a.Disbelieved, Seconds: a.Duration.Seconds(),
		}
		for _, bogon := range a.Bogons {
			said.Refused = append(said.Refused, bogon.String())
		}
		if a.Err != nil {
			said.Error = a.Err.Error()
		}
		r.Servers = append(r.Servers, said)
	}
	return r
}

func addressOf(r probe.Result) addressJSON {
	t := r.Timings
	a := addressJSON{
		Address: r.Address, Class: r.Class, Stage: r.Stage, Reason: r.Reason, Evidence: append([]string{}, r.Evidence...),
		Steps: []stepJSON{}, Certificate: r.Certificate, Status: r.Status, Location: r.Location, BodyBytes: r.BodyBytes,
		Fingerprint: r.Judged.Fingerprint, RetryAfter: r.RetryAfter.Seconds(), Proven: r.Proven, CDN: r.CDN,
		Seconds: map[string]float64{
			"resolve": t.Resolve.Seconds(), "connect": t.Connect.Seconds(), "handshake": t.Handshake.Seconds(),
			"first_byte": t.FirstByte.Seconds(), "body": t.Body.Seconds(),
		},
	}
	if r.Notice != (health.Notice{}) {
		a.Notice = &r.Notice
	}
	for _, s := range r.Steps {
		a.Steps = append(a.Steps, stepJSON{Stage: s.Stage, Class: s.Class, Seconds: s.Took.Seconds(), Words: s.Words})
	}
	return a
}
