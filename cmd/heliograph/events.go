package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/configs"
	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/proxy/console"
)

// parts are what an assembly is connected to.
func (e *edge) parts() parts {
	events := e.metrics.Events()
	count := events.Moved
	events.Moved = func(site, from, to, why string) {
		count(site, from, to, why)
		e.routes.touch()
		e.log.Warn("readers moved", "site", site, "from", from, "to", to, "why", why)
	}
	var before *resolvers
	if e.current != nil {
		before = e.current.resolvers
	}
	return parts{
		resolvers: before,
		edge:      e.proxy.ID(), tracker: e.tracker, canaries: e.canary, baselines: e.baselines,
		events: events, probed: e.metrics.Probe, warn: e.log.Warn,
	}
}

// transition tells of a change of verdict.
func (e *edge) transition(t health.Transition) {
	e.metrics.Transition(t)
	level := slog.LevelInfo
	if !t.To.Usable() {
		level = slog.LevelWarn
	}
	e.log.Log(context.Background(), level, "verdict", "site", t.ID.Site, "origin", t.ID.Origin,
		"from", t.From, "to", t.To, "class", t.Class, "why", t.Reason)
	for _, site := range e.proxy.Sites().All() {
		if site.Name == t.ID.Site {
			site.Pool.Settle()
		}
	}
}

// suspicion tells that the edge begins or ends to doubt its own network.
func (e *edge) suspicion(s health.Suspicion) {
	if s.Suspected {
		e.log.Warn("own network doubted; verdicts are frozen", "since", s.Since.UTC(), "why", s.Reason)
		return
	}
	e.log.Info("own network trusted again", "since", s.At.UTC(), "doubted", s.At.Sub(s.Since).Round(time.Millisecond).String())
}

// purged tells of an operator's purge that is done, or that the end interrupted.
func (e *edge) purged(r cache.PurgeReport) {
	level, message := slog.LevelInfo, "purged"
	if r.Interrupted {
		level, message = slog.LevelWarn, "a purge was interrupted"
	}
	e.log.Log(context.Background(), level, message, "id", r.ID, "by", r.Kind, "what", r.What, "mode", r.Mode(),
		"pages", r.Matched, "bytes", r.Bytes, "took", r.Done.Sub(r.Began).Round(time.Millisecond).String())
}

// snapshots are the metrics that are read from the edge's parts.
func (e *edge) snapshots() *console.Snapshots {
	return &console.Snapshots{Edge: e.proxy, Cache: e.cache, Tracker: e.tracker, Connections: e.connections}
}

// connections tells of the listeners' open connections.
func (e *edge) connections() map[string]console.Connections {
	open := make(map[string]console.Connections, len(e.servers))
	for name, s := range e.servers {
		open[name] = console.Connections(s.Connections())
	}
	return open
}

// identified is the sites that are known by text on their pages.
func identified(file *configs.File) map[string]bool {
	sites := make(map[string]bool)
	for i := range file.Sites {
		sites[file.Sites[i].Name] = len(file.Sites[i].Identity.Contains) > 0
	}
	return sites
}
