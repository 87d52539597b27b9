package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/heliograph-edge/heliograph/health/gate"
)

const (
	baselinesVersion = 1
	// baselinesEvery is the least time between two saves: a baseline that lacks the
	// last minute's pages knows the publication as well.
	baselinesEvery = time.Minute
)

// baselines keeps what each site's pages look like, and keeps it in a file. Without
// one, the first page after a restart has nothing to be held against.
type baselines struct {
	file stateFile
	// sites is replaced as a whole, and what it points to never changed: readers take
	// no lock.
	sites  atomic.Pointer[map[string]*gate.Baseline]
	learnt chan struct{} // capacity 1: something worth saving happened; read by keep
}

// baselinesFile is the form of the file.
type baselinesFile struct {
	Version int                       `json:"version"`
	Sites   map[string]*gate.Baseline `json:"sites"`
}

// newBaselines restores what was saved under the path. The error is to be told and
// no reason to stop: the baselines then begin anew.
func newBaselines(path string) (*baselines, error) {
	b := &baselines{file: stateFile(path), learnt: make(chan struct{}, 1)}
	sites := map[string]*gate.Baseline{}
	err := b.file.load(func(content []byte) error {
		saved, err := parseBaselines(content, time.Now())
		if err == nil {
			sites = saved
		}
		return err
	})
	b.sites.Store(&sites)
	return b, err
}

// parseBaselines reads the file strictly: half of a baseline would have the site's
// own pages called unlike it.
func parseBaselines(content []byte, now time.Time) (map[string]*gate.Baseline, error) {
	var file baselinesFile
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	if file.Version != baselinesVersion {
		return nil, fmt.Errorf("version is %d, this build reads %d", file.Version, baselinesVersion)
	}
	if file.Sites == nil {
		return nil, errors.New("there are no sites")
	}
	for site, known := range file.Sites {
		// The gate trusts its own sketches to be there.
		if known == nil || known.Pages < 1 || slices.Contains(known.Sketches, nil) {
			return nil, fmt.Errorf("the baseline of site %q is not whole", site)
		}
		if known.Updated.After(now) {
			// The clock was set back: the baseline would not learn until that time comes.
			known.Updated = now
		}
	}
	return file.Sites, nil
}

// get is what the site's pages look like; nil when none has passed yet. It costs
// little enough for every request.
func (b *baselines) get(site string) *gate.Baseline { return (*b.sites.Load())[site] }

// learn takes in one page of a site and what was found of it, if it can teach
// anything.
func (b *baselines) learn(site string, a gate.Answer, k gate.Known, f gate.Finding, now time.Time) {
	for {
		before := b.sites.Load()
		next, taken := (*before)[site].Learn(a, k, f, now)
		if !taken {
			return
		}
		after := maps.Clone(*before)
		after[site] = next
		// Another page that was learnt meanwhile may leave no place for this one, so it is
		// asked again. That ends: a baseline soon takes one page in ten minutes.
		if b.sites.CompareAndSwap(before, &after) {
			b.touch()
			return
		}
	}
}

// forget lets a site's pages be learnt anew.
func (b *baselines) forget(site string) {
	for {
		before := b.sites.Load()
		if _, known := (*before)[site]; !known {
			return
		}
		after := maps.Clone(*before)
		delete(after, site)
		if b.sites.CompareAndSwap(before, &after) {
			b.touch()
			return
		}
	}
}

// touch wakes keep.
func (b *baselines) touch() {
	select {
	case b.learnt <- struct{}{}:
	default: // it is still to be noticed
	}
}

// keep saves what was learnt, at most once a minute, and the rest when ctx ends; then
// it returns. Failed is told of a save that did not work, which the next tries again.
func (b *baselines) keep(ctx context.Context, failed func(error)) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-b.learnt:
			if err := b.save(); err != nil {
				failed(err)
				b.touch()
			}
			pause := time.NewTimer(baselinesEvery)
			select {
			case <-ctx.Done():
			case <-pause.C:
			}
			pause.Stop()
		}
	}
	select {
	case <-b.learnt:
		if err := b.save(); err != nil {
			failed(err)
		}
	default:
	}
}

// save writes all baselines.
func (b *baselines) save() error {
	if err := b.file.save(baselinesFile{Version: baselinesVersion, Sites: *b.sites.Load()}); err != nil {
		return fmt.Errorf("save what the sites' pages look like (it would be learnt anew after a restart; check the data directory's owner and free space): %w", err)
	}
	return nil
}
