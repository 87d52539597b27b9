package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/heliograph-edge/heliograph/proxy"
	"github.com/heliograph-edge/heliograph/proxy/origin"
)

const (
	routesVersion = 1
	// routesDelay gathers the moves of one incident into one write.
	routesDelay = time.Second
	// routesEvery keeps a quiet site's route young enough to be gone on with after
	// a crash.
	routesEvery = 5 * time.Minute
)

// routes keeps in a file where each site's readers are sent, so that a restart
// moves nobody: the wait before a return, the ramp and the count of switches go on.
type routes struct {
	file  stateFile
	sites func() []*proxy.Site // that are served now
	log   *slog.Logger
	moved chan struct{} // capacity 1: something worth saving happened; read by keep
}

// routesFile is the form of the file.
type routesFile struct {
	Version int                 `json:"version"`
	Routes  []origin.SavedRoute `json:"routes"`
}

// newRoutes returns routes that are kept under the path.
func newRoutes(path string, sites func() []*proxy.Site, log *slog.Logger) *routes {
	return &routes{file: stateFile(path), sites: sites, log: log, moved: make(chan struct{}, 1)}
}

// touch wakes keep.
func (r *routes) touch() {
	select {
	case r.moved <- struct{}{}:
	default:
	}
}

// restore lets sites that do not serve yet go on where those of the last run were.
// Nothing that is wrong with the file prevents the start: it is set aside.
func (r *routes) restore(sites []*proxy.Site, now time.Time) {
	var saved []origin.SavedRoute
	err := r.file.load(func(content []byte) (err error) {
		saved, err = parseRoutes(content)
		return err
	})
	if err != nil {
		r.log.Warn("starting without the routes of the last run, readers begin at the primary", "error", err)
		return
	}
	for _, s := range saved {
		if err := resume(sites, s, now); err != nil {
			r.log.Warn("the route of the last run is of no use, readers begin at the primary", "site", s.Site, "why", err)
			continue
		}
		r.log.Info("readers go on where they were", "site", s.Site, "origin", s.Active, "since", s.Since)
	}
}

// parseRoutes reads the file strictly: half of a route would be worse than none.
func parseRoutes(content []byte) ([]origin.SavedRoute, error) {
	var file routesFile
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	if file.Version != routesVersion {
		return nil, fmt.Errorf("version is %d, this build reads %d", file.Version, routesVersion)
	}
	for i, s := range file.Routes {
		if err := s.Check(); err != nil {
			return nil, fmt.Errorf("route %d, of site %q: %w", i+1, s.Site, err)
		}
	}
	return file.Routes, nil
}

// resume hands a route to the site that it is of.
func resume(sites []*proxy.Site, saved origin.SavedRoute, now time.Time) error {
	for _, s := range sites {
		if s.Name == saved.Site {
			return s.Pool.Resume(saved, now)
		}
	}
	return errors.New("the site is not there any more")
}

// keep saves a second after a move, every five minutes, and once more when ctx
// ends; then it returns.
func (r *routes) keep(ctx context.Context) {
	save := func() {
		if err := r.save(time.Now()); err != nil {
			r.log.Warn("routes could not be saved, and would be lost at a restart; check the data directory's owner and free space", "error", err)
		}
	}
	defer save()
	periodic := time.NewTicker(routesEvery)
	defer periodic.Stop()
	var gathered <-chan time.Time // nil while nothing waits to be saved
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.moved:
			if gathered == nil {
				gathered = time.After(routesDelay)
			}
			continue
		case <-gathered:
			gathered = nil
		case <-periodic.C:
		}
		save()
	}
}

// save writes all routes.
func (r *routes) save(now time.Time) error {
	file := routesFile{Version: routesVersion, Routes: []origin.SavedRoute{}}
	for _, s := range r.sites() {
		if route, ok := s.Pool.Route(now); ok {
			file.Routes = append(file.Routes, route)
		}
	}
	return r.file.save(file)
}
