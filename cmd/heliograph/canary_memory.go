package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/heliograph-edge/heliograph/configs"
	"github.com/heliograph-edge/heliograph/health/canary"
)

// canaryRounds is how often it is looked whether a canary is about to expire.
const canaryRounds = time.Hour

// canaryKeeper keeps what was seen of canaries in a file, and tells the operator
// before the newest of a site expires: then every origin would fall at once.
type canaryKeeper struct {
	file   stateFile
	memory *canary.Memory
	log    *slog.Logger
	sites  func() []configs.Site // of the present configuration

	warned map[string]string // of each site, the canary that the operator was told of
}

// remember restores which canaries were seen, and returns what keeps them.
func (e *edge) remember(path string) *canaryKeeper {
	memory, err := restoreCanaries(path)
	if err != nil {
		e.log.Warn("starting without the canaries of the last run", "error", err)
	}
	e.canary = memory
	return &canaryKeeper{file: stateFile(path), memory: memory, log: e.log, sites: func() []configs.Site {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.current.file.Sites
	}}
}

// restoreCanaries reads what a canaryKeeper saved. A missing file is no error. One that
// cannot be understood is renamed to path.broken, and the error says so; the memory
// is then a new one.
func restoreCanaries(path string) (*canary.Memory, error) {
	memory := canary.NewMemory()
	err := stateFile(path).load(func(content []byte) error { return json.Unmarshal(content, memory) })
	return memory, err
}

// run saves after each change, and returns when ctx ends and nothing is unsaved.
func (k *canaryKeeper) run(ctx context.Context) {
	k.warned = make(map[string]string)
	rounds := time.NewTicker(canaryRounds)
	defer rounds.Stop()
	for {
		k.warn(time.Now())
		select {
		case <-ctx.Done():
			select {
			case <-k.memory.Changed():
				k.save()
			default:
			}
			return
		case <-k.memory.Changed():
			k.save()
		case <-rounds.C:
		}
	}
}

// save writes the file.
func (k *canaryKeeper) save() {
	if err := k.file.save(k.memory); err != nil {
		k.log.Warn("the canaries seen could not be saved: after a restart, an older one would pass", "error", err)
	}
}

// warn tells once of each canary that has less than a quarter of its time left.
func (k *canaryKeeper) warn(now time.Time) {
	for _, site := range k.sites() {
		seen := k.memory.Newest(site.Name, site.Identity.Canary.Key)
		if seen.Sequence == 0 || k.warned[site.Name] == seen.Digest {
			continue
		}
		if left := seen.Expires.Sub(now); left < seen.Expires.Sub(seen.Issued)/4 {
			k.warned[site.Name] = seen.Digest
			k.log.Warn("the canary expires soon: sign a new one, or every origin will count as hijacked",
				"site", site.Name, "sequence", seen.Sequence, "expires", seen.Expires)
		}
	}
}
