package health

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	savedVersion = 1
	// savedFresh is how old a verdict may be and still count after a restart.
	savedFresh = time.Hour
	// saveDelay gathers the transitions of one incident into one write.
	saveDelay = time.Second
	// saveEvery keeps the times of quiet origins younger than savedFresh, so that
	// a crash after a month of health does not begin at Unknown.
	saveEvery = 5 * time.Minute
)

type savedFile struct {
	Version int           `json:"version"`
	Origins []savedOrigin `json:"origins"`
}

type savedOrigin struct {
	Site   string `json:"site"`
	Origin string `json:"origin"`
	State  State  `json:"state"`
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
		file.Origins = append(file.Origins, savedOrigin{id.Site, id.Origin, e.state})
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

// Restore reads what Save wrote. Call it before the first look, before or after
// Configure: origins that were looked at keep what they have. A verdict whose
// latest probe is more than an hour from now comes back as Unknown, with its
// history; a drained origin stays drained. A missing file is no error. A file
// that cannot be understood is renamed to path.broken, and the error says so:
// the Tracker then goes on without it.
func (t *Tracker) Restore(path string, now time.Time) error {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read saved verdicts (starting without them): %w", err)
	}
	states, err := parseSaved(content, now)
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
	t.restored = states
	for id, s := range states {
		if e := t.entries[id]; e != nil && e.state.Last.At.IsZero() {
			e.state = s
		}
	}
	return nil
}

func parseSaved(content []byte, now time.Time) (map[ID]State, error) {
	var file savedFile
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	if file.Version != savedVersion {
		return nil, fmt.Errorf("version is %d, this build reads %d", file.Version, savedVersion)
	}
	states := make(map[ID]State, len(file.Origins))
	for _, o := range file.Origins {
		if !slices.Contains(Verdicts(), o.State.Verdict) || o.State.Verdict == Drained {
			return nil, fmt.Errorf("origin %q of site %q has the verdict %q, which does not exist", o.Origin, o.Site, o.State.Verdict)
		}
		states[ID{o.Site, o.Origin}] = o.State.restored(now)
	}
	return states, nil
}

// restored is the state as it may count at now. A time in the future (the
// clock was set back) is as little worth as an old one.
func (s State) restored(now time.Time) State {
	if now.Sub(s.Last.At).Abs() <= savedFresh {
		return s
	}
	return State{
		Verdict: Unknown, DrainedSince: s.DrainedSince, Flaps: s.Flaps,
		Last: s.Last, LastSuccess: s.LastSuccess, LastAnswer: s.LastAnswer,
	}
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
