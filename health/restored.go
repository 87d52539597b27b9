package health

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"
)

// remembered is what a file says of one origin.
type remembered struct {
	state   State
	history history
}

// Restore reads what Save wrote, or an older version of it. Call it before the first
// look, before or after Configure: origins that were looked at keep what they have.
//
// A verdict whose latest probe is more than an hour from now comes back as Unknown, with
// its history. Three things do not age: a drained origin stays drained, a hijacked one
// hijacked (or on probation, with its count begun again), and one behind a block
// that each attempt prolongs stays out of use until a probe is good.
//
// A missing file is no error. A file that cannot be understood is renamed to
// path.broken, and the error says so: the Tracker then goes on without it.
func (t *Tracker) Restore(path string, now time.Time) error {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read saved verdicts (starting without them): %w", err)
	}
	known, err := parseSaved(content, now)
	if err != nil {
		broken := path + ".broken"
		if renameErr := os.Rename(path, broken); renameErr != nil {
			return fmt.Errorf("saved verdicts in %s ignored, all origins start as unknown; the file could not be moved aside either, remove it: %w",
				path, errors.Join(err, renameErr))
		}
		return fmt.Errorf("saved verdicts ignored, all origins start as unknown; the file is now %s for inspection: %w", broken, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.restored = known
	for id, k := range known {
		if e := t.entries[id]; e != nil && e.state.Last.At.IsZero() {
			e.remember(k)
			e.refresh()
		}
	}
	return nil
}

func parseSaved(content []byte, now time.Time) (map[ID]remembered, error) {
	var file savedFile
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	if file.Version < 1 || file.Version > savedVersion {
		return nil, fmt.Errorf("version is %d, this build reads 1 to %d", file.Version, savedVersion)
	}
	known := make(map[ID]remembered, len(file.Origins))
	for _, o := range file.Origins {
		if !slices.Contains(Verdicts(), o.State.Verdict) || o.State.Verdict == Drained {
			return nil, fmt.Errorf("origin %q of site %q has the verdict %q, which does not exist", o.Origin, o.Site, o.State.Verdict)
		}
		if file.Version == 1 {
			o.State = o.State.upgraded()
		}
		k := remembered{state: o.State.restored(now)}
		for _, p := range o.Probes {
			k.history.push(PastProbe(p))
		}
		known[ID{o.Site, o.Origin}] = k
	}
	return known, nil
}

// upgraded is a state of version 1 in today's words. Redirects off the publication made
// origins hijacked then; now they block them, which is not for the operator to end.
func (s State) upgraded() State {
	for _, c := range []*Class{&s.Class, &s.Last.Class} {
		switch *c {
		case "redirected":
			*c = RedirectOffsite
		case "body_timeout":
			*c = BodyStalled
		}
	}
	if s.Class == RedirectOffsite {
		for _, v := range []*Verdict{&s.Verdict, &s.Fallen} {
			if *v == Hijacked {
				*v = Blocked
			}
		}
	}
	s.Address = s.Last.Address
	return s
}

// restored is the state as it may count at now. A time in the future (the
// clock was set back) is as little worth as an old one.
func (s State) restored(now time.Time) State {
	if most := now.Add(retryMost); s.RetryAt.After(most) {
		s.RetryAt = most
	}
	switch {
	case now.Sub(s.Last.At).Abs() <= savedFresh:
		return s
	case s.Fallen == Hijacked, s.Residual > 0 && !s.Verdict.Usable():
		s.Successes, s.Contrary = 0, 0
		return s
	}
	return State{
		Verdict: Unknown, DrainedSince: s.DrainedSince, Flaps: s.Flaps,
		Last: s.Last, LastSuccess: s.LastSuccess, LastAnswer: s.LastAnswer, Address: s.Address, CDN: s.CDN,
	}
}
