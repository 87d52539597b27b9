package main

import (
	"context"
	"sync"
	"time"
)

// Shutdown ends the edge: no new requests, then those under way and the upgraded
// connections, then everything else. What has not ended within the drain time is cut.
func (e *edge) Shutdown() {
	e.admin.Drain()
	drain := e.endReloads()
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	var servers sync.WaitGroup
	for name, s := range e.servers {
		if name == "admin" {
			continue // it tells how the others end
		}
		servers.Go(func() {
			if err := s.Shutdown(ctx); err != nil {
				e.log.Warn("requests were cut because they did not end in time", "listener", name, "drain", drain.String(), "error", err)
			}
		})
	}
	servers.Wait()
	e.halt()
}

// endReloads waits for a reload under way and refuses later ones. It returns how
// long requests have to end.
func (e *edge) endReloads() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ending = true
	return e.current.file.Drain
}

// halt ends what is left, in the reverse order of the start.
func (e *edge) halt() {
	brief, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, s := range e.servers {
		_ = s.Shutdown(brief) // those that drained have ended already; what was cut leaves its record now
	}
	e.mu.Lock()
	if e.current != nil {
		e.current.end()
	}
	e.mu.Unlock()
	e.cache.Close()
	e.stop()
	e.background.Wait()
	if k := e.keeper.Load(); k != nil {
		k.Close()
	}
	e.log.Info("stopped")
	e.journal.Close()
}
