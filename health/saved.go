package health

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// savedVersion 2 has the history, and states that version 1 did not have.
	savedVersion = 2
	// savedFresh is how old a verdict may be and still count after a restart.
	savedFresh = time.Hour
	// saveDelay gathers the transitions of one incident into one write.
	saveDelay = time.Second
	// saveEvery keeps the times of quiet origins younger than savedFresh, so that
	// a crash after a month of health does not begin at Unknown.
	saveEvery = 5 * time.Minute
	// savedTime is how a past probe's time is written.
	savedTime = "2006-01-02T15:04:05.000Z07:00"
)

type savedFile struct {
	Version int           `json:"version"`
	Origins []savedOrigin `json:"origins"`
}

type savedOrigin struct {
	Site   string       `json:"site"`
	Origin string       `json:"origin"`
	State  State        `json:"state"`
	Probes []savedProbe `json:"probes,omitempty"` // oldest first
}

// savedProbe is a PastProbe on one line: time, status, milliseconds, class.
type savedProbe PastProbe

// MarshalText writes the line.
func (p savedProbe) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%s %d %d %s", p.At.UTC().Format(savedTime), p.Status, p.Took.Milliseconds(), p.Class), nil
}

// UnmarshalText reads the line.
func (p *savedProbe) UnmarshalText(line []byte) error {
	words := strings.SplitN(string(line), " ", 4)
	if len(words) < 4 {
		return fmt.Errorf("a past probe reads %q, which is not time, status, milliseconds and class", line)
	}
	at, err := time.Parse(savedTime, words[0])
	if err != nil {
		return fmt.Errorf("the time of a past probe: %w", err)
	}
	status, err := strconv.Atoi(words[1])
	if err != nil {
		return fmt.Errorf("the status of a past probe: %w", err)
	}
	milliseconds, err := strconv.ParseInt(words[2], 10, 64)
	if err != nil {
		return fmt.Errorf("the duration of a past probe: %w", err)
	}
	*p = savedProbe{At: at, Status: status, Took: time.Duration(milliseconds) * time.Millisecond, Class: Class(words[3])}
	return nil
}

// Save writes all states to path, readable by its owner alone. A reader of path
// sees the old content or the new, never a part.
func (t *Tracker) Save(path string) error {
	content, err := json.MarshalIndent(t.saved(), "", "\t")
	if err != nil {
		return fmt.Errorf("encode verdicts: %w", err)
	}
	if err := replace(path, append(content, '\n')); err != nil {
		return fmt.Errorf("save verdicts to %s (they would be lost at a restart; check the directory's owner and free space): %w", path, err)
	}
	return nil
}

func (t *Tracker) saved() savedFile {
	t.mu.Lock()
	defer t.mu.Unlock()
	file := savedFile{Version: savedVersion, Origins: make([]savedOrigin, 0, len(t.entries))}
	for id, e := range t.entries {
		saved := savedOrigin{Site: id.Site, Origin: id.Origin, State: e.state}
		for _, p := range e.history.all() {
			saved.Probes = append(saved.Probes, savedProbe(p))
		}
		file.Origins = append(file.Origins, saved)
	}
	slices.SortFunc(file.Origins, func(a, b savedOrigin) int {
		return slices.Compare([]string{a.Site, a.Origin}, []string{b.Site, b.Origin})
	})
	return file
}

// replace writes content beside path (mode 0600, as os.CreateTemp has it) and renames it there.
func replace(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		// Without it a power cut can leave the new name on an empty file.
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// Keep saves to path a second after a transition, every five minutes, and once
// more when ctx ends; then it returns. Failed is told of a save that did not
// work, from Keep's goroutine; it must not be nil.
func (t *Tracker) Keep(ctx context.Context, path string, failed func(error)) {
	save := func() {
		if err := t.Save(path); err != nil {
			failed(err)
		}
	}
	defer save()
	periodic := time.NewTicker(saveEvery)
	defer periodic.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-periodic.C:
		case <-t.changed:
			if !wait(ctx, saveDelay) {
				return
			}
		}
		save()
	}
}

// wait reports whether d went by before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
