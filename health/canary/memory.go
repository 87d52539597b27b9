package canary

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// memoryVersion is that of the JSON form.
const memoryVersion = 1

// Memory keeps the newest canary seen of each site. It may be used by many
// goroutines. Losing it lets one roll back, to a canary that has not expired.
type Memory struct {
	changed chan struct{}

	mu    sync.Mutex // guards sites
	sites map[string]remembered
}

// remembered is one site's newest canary, and the key that it was verified with.
type remembered struct {
	key Key
	Newest
}

// NewMemory returns one that has seen nothing.
func NewMemory() *Memory {
	return &Memory{changed: make(chan struct{}, 1), sites: make(map[string]remembered)}
}

// Newest is the newest canary that was seen of a site under a key; zero when there
// is none. What was seen under another key says nothing: with a new key, the
// sequence may begin again.
func (m *Memory) Newest(site string, key Key) Newest {
	m.mu.Lock()
	defer m.mu.Unlock()
	if seen := m.sites[site]; seen.key == key {
		return seen.Newest
	}
	return Newest{}
}

// Note takes in a canary that [Verify] found good under the key. One that is not
// newer changes nothing.
func (m *Memory) Note(key Key, c Canary) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if seen := m.sites[c.Site]; seen.key == key && seen.Sequence >= c.Sequence {
		return
	}
	m.sites[c.Site] = remembered{key, c.newest()}
	select {
	case m.changed <- struct{}{}:
	default: // it is still to be noticed
	}
}

// Changed gets a value after Note changed something, one for any number of times.
// It is for a single receiver.
func (m *Memory) Changed() <-chan struct{} { return m.changed }

// savedMemory is the JSON form.
type savedMemory struct {
	Version int                  `json:"version"`
	Sites   map[string]savedSite `json:"sites"`
}

type savedSite struct {
	Key      string    `json:"key"`
	Sequence uint64    `json:"sequence"`
	Issued   time.Time `json:"issued"`
	Expires  time.Time `json:"expires"`
	Digest   string    `json:"digest"`
}

// MarshalJSON implements json.Marshaler.
func (m *Memory) MarshalJSON() ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	saved := savedMemory{Version: memoryVersion, Sites: make(map[string]savedSite)}
	for site, seen := range m.sites {
		saved.Sites[site] = savedSite{seen.key.String(), seen.Sequence, seen.Issued, seen.Expires, seen.Digest}
	}
	return json.Marshal(saved)
}

// UnmarshalJSON implements json.Unmarshaler. What is read replaces what was seen;
// when it cannot be understood, nothing changes.
func (m *Memory) UnmarshalJSON(text []byte) error {
	var saved savedMemory
	if err := json.Unmarshal(text, &saved); err != nil {
		return err
	}
	if saved.Version != memoryVersion {
		return fmt.Errorf("version is %d, this build reads %d", saved.Version, memoryVersion)
	}
	sites := make(map[string]remembered)
	for site, s := range saved.Sites {
		key, err := ParseKey(s.Key)
		if err != nil {
			return fmt.Errorf("site %q: the key %w", site, err)
		}
		if digest, err := hex.DecodeString(s.Digest); err != nil || len(digest) != 32 || s.Sequence == 0 {
			return fmt.Errorf("site %q: the digest or the sequence is none", site)
		}
		sites[site] = remembered{key, Newest{s.Sequence, s.Issued.UTC(), s.Expires.UTC(), s.Digest}}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sites = sites
	return nil
}
