package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/cache/memory"
	"github.com/heliograph-edge/heliograph/configs"
	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/canary"
	"github.com/heliograph-edge/heliograph/proxy"
	"github.com/heliograph-edge/heliograph/proxy/console"
	"github.com/heliograph-edge/heliograph/proxy/listen"
)

// edge is one running heliograph.
type edge struct {
	load  func() (*configs.File, error)
	log   *slog.Logger
	level *slog.LevelVar

	journal   *journal
	tracker   *health.Tracker
	routes    *routes
	canary    *canary.Memory
	baselines *baselines
	cache     *cache.Cache
	metrics   *console.Metrics
	proxy     *proxy.Edge
	admin     *console.Admin
	keeper    atomic.Pointer[listen.Keeper] // certificates; nil without TLS
	servers   map[string]*listen.Server     // by listener name: http, https, admin

	background sync.WaitGroup
	stop       context.CancelFunc // ends background
	failed     chan error         // a listener that broke

	mu      sync.Mutex // guards what follows: one reload at a time
	current *assembly
	ending  bool // there are no more reloads
}

// edgeOptions are what an edge needs beside its configuration.
type edgeOptions struct {
	load  func() (*configs.File, error) // reads the configuration, at the start and at each reload
	log   io.Writer
	extra map[string]http.Handler // further admin handlers; may be nil
}

// startEdge starts an edge. It serves when this returns.
func startEdge(o edgeOptions) (*edge, error) {
	file, err := o.load()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(file.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data: %w; choose a directory that can be written with --data or data:", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	e := &edge{
		load: o.load, level: new(slog.LevelVar), journal: newJournal(o.log), stop: stop,
		servers: make(map[string]*listen.Server), failed: make(chan error, 3),
	}
	e.log = newLogger(e.journal, file.Log, e.level)
	e.build(file, o.extra)
	if err := e.open(ctx, file); err != nil {
		e.halt()
		return nil, err
	}
	return e, nil
}

// build makes the parts that outlive a reload.
func (e *edge) build(file *configs.File, extra map[string]http.Handler) {
	e.metrics = console.NewMetrics(build())
	e.metrics.Loaded(float64(time.Now().Unix())) // or there would be no file
	e.tracker = health.NewTracker(health.Options{OnTransition: e.transition, OnSuspicion: e.suspicion})
	store := memory.New(file.Cache.Memory)
	e.cache = cache.New(cache.Options{Store: store, MaxPage: store.MaxPage(), Purged: e.purged})
	e.proxy = proxy.NewEdge(proxy.Options{
		ID: edgeID(), Cache: e.cache, Reader: readerAddress(file.Log.Readers),
		Record: func(r *proxy.Record) {
			e.metrics.Record(r)
			logRecord(e.log, r)
		},
	})
	e.metrics.Registry.MustRegister(e.snapshots())
	sites := func() []*proxy.Site { return e.proxy.Sites().All() }
	e.routes = newRoutes(filepath.Join(file.Data, "routes.json"), sites, e.log)
	e.admin = &console.Admin{
		Edge: e.proxy, Tracker: e.tracker, Metrics: e.metrics, Build: build(), Log: e.log, Reload: e.Reload, Clear: e.clear, Extra: extra,
	}
}

// edgeID makes the name by which this edge knows its own requests again.
func edgeID() string {
	var id [4]byte
	_, _ = rand.Read(id[:]) // never fails, see crypto/rand
	return proxy.Name + "-" + hex.EncodeToString(id[:])
}

// open takes the edge into service: verdicts, sites, sockets.
func (e *edge) open(ctx context.Context, file *configs.File) error {
	verdicts := filepath.Join(file.Data, "verdicts.json")
	if err := e.tracker.Restore(verdicts, time.Now()); err != nil {
		e.log.Warn("starting without the verdicts of the last run", "error", err)
	}
	keeper := e.remember(filepath.Join(file.Data, "canaries.json"))
	var err error
	if e.baselines, err = newBaselines(filepath.Join(file.Data, "baselines.json")); err != nil {
		e.log.Warn("learning anew what the sites' pages look like", "error", err)
	}
	next, err := assemble(file, e.parts())
	if err != nil {
		return err
	}
	e.routes.restore(next.sites, time.Now())
	e.enter(next)
	e.background.Go(func() { keeper.run(ctx) })
	e.background.Go(func() {
		e.tracker.Keep(ctx, verdicts, func(err error) { e.log.Warn("verdicts could not be saved", "error", err) })
	})
	e.background.Go(func() {
		e.baselines.keep(ctx, func(err error) { e.log.Warn("baselines could not be saved", "error", err) })
	})
	if err := e.listen(file); err != nil {
		return err
	}
	e.background.Go(func() { e.routes.keep(ctx) })
	for name, s := range e.servers {
		e.log.Info("serving", "listener", name, "address", s.Addr().String())
	}
	return nil
}

// listen opens the sockets and serves on them.
func (e *edge) listen(file *configs.File) error {
	sockets, err := listen.Inherit()
	if err != nil {
		return err
	}
	if err := e.certify(file); err != nil {
		return err
	}
	var plain http.Handler = e.proxy
	if k := e.keeper.Load(); k != nil {
		plain = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			e.keeper.Load().Challenges(e.proxy).ServeHTTP(w, r)
		})
	}
	fronts := []struct {
		name, address string
		handler       http.Handler
		secure        *tls.Config
	}{
		{"http", file.Listen.HTTP, plain, nil},
		{"https", file.Listen.HTTPS, e.proxy, e.secure()},
		{"admin", file.Listen.Admin, e.admin.Handler(), nil},
	}
	var opened []net.Listener
	for _, f := range fronts {
		if f.address == "" {
			continue
		}
		l, err := sockets.Open(f.name, f.address)
		if err != nil {
			for _, l := range opened {
				l.Close() // no server has it yet that would
			}
			return err
		}
		opened = append(opened, l)
		e.servers[f.name] = listen.NewServer(l, f.handler, f.secure, e.log)
	}
	if unused := sockets.CloseUnused(); len(unused) > 0 {
		e.log.Warn("sockets of the service manager that no listener is configured for were closed; disable their units", "sockets", unused)
	}
	for name, s := range e.servers {
		e.background.Go(func() {
			if err := s.Serve(); !errors.Is(err, http.ErrServerClosed) {
				e.failed <- fmt.Errorf("listen.%s: %w", name, err)
			}
		})
	}
	return nil
}

// certify loads the certificates of a configuration in place of those before.
func (e *edge) certify(file *configs.File) error {
	if file.Listen.HTTPS == "" {
		return nil
	}
	var pairs [][2]string
	for _, f := range file.TLS.Files {
		pairs = append(pairs, [2]string{f.Cert, f.Key})
	}
	k, err := listen.NewKeeper(listen.Certificates{
		Email: file.TLS.Email, Files: pairs, Internal: file.TLS.Internal, Names: fronts(file), Data: file.Data,
	})
	if err != nil {
		return err
	}
	if old := e.keeper.Swap(k); old != nil {
		old.Close()
	}
	return nil
}

// secure is the TLS configuration of the front, which asks for the certificates
// of the moment at every handshake. It is nil without TLS.
func (e *edge) secure() *tls.Config {
	k := e.keeper.Load()
	if k == nil {
		return nil
	}
	secure := k.TLS()
	secure.GetCertificate = nil
	secure.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return e.keeper.Load().TLS(), nil }
	return secure
}

// enter puts an assembly into service and ends the one before it. Requests under
// way end with the pools that they began with.
func (e *edge) enter(next *assembly) {
	old := e.current
	if old != nil {
		inherit(old, next)
	}
	e.tracker.Configure(next.policies)
	e.tracker.SetControl(next.control != nil)
	e.metrics.Configure(next.origins(), identified(next.file))
	e.proxy.Serve(proxy.NewSites(e.proxy.ID(), next.sites))
	e.current = next
	next.start()
	if old == nil {
		return
	}
	old.end()
	for id := range old.policies {
		if _, kept := next.policies[id]; !kept {
			e.metrics.ForgetOrigin(id)
		}
	}
}

// inherit lets the pools go on where those of the same site were.
func inherit(old, next *assembly) {
	for _, s := range next.sites {
		for _, before := range old.sites {
			if before.Name == s.Name {
				s.Pool.Inherit(before.Pool)
			}
		}
	}
}

// errStopping refuses a reload of an edge that drains.
var errStopping = errors.New("the edge is stopping")

// Reload reads the configuration again and swaps it in. An error leaves
// everything running as it was.
func (e *edge) Reload() (err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ending {
		return errStopping
	}
	defer func() {
		e.metrics.Reloaded(err == nil, float64(time.Now().Unix()))
		if err != nil {
			e.log.Error("the configuration was refused; everything runs on as it was", "error", err)
			return
		}
		e.log.Info("configuration reloaded", "sites", len(e.current.sites))
	}()
	file, err := e.load()
	if err != nil {
		return err
	}
	if err := restartNeeded(e.current.file, file); err != nil {
		return err
	}
	next, err := assemble(file, e.parts())
	if err != nil {
		return err
	}
	if err := e.certify(file); err != nil {
		return err
	}
	setLevel(e.level, file.Log.Level)
	e.enter(next)
	return nil
}

// restartNeeded refuses a reload that changes what only a restart can.
func restartNeeded(now, next *configs.File) error {
	var refusal configs.Refusal
	for _, f := range []struct {
		field     string
		now, next any
	}{
		{"listen.http", now.Listen.HTTP, next.Listen.HTTP},
		{"listen.https", now.Listen.HTTPS, next.Listen.HTTPS},
		{"listen.admin", now.Listen.Admin, next.Listen.Admin},
		{"data", now.Data, next.Data},
		{"cache.memory", now.Cache.Memory, next.Cache.Memory},
		{"log.format", now.Log.Format, next.Log.Format},
		{"log.readers", now.Log.Readers, next.Log.Readers},
	} {
		if f.now != f.next {
			refusal.Mistakes = append(refusal.Mistakes, configs.Mistake{
				File: next.Path, Field: f.field, Problem: fmt.Sprintf("cannot change from %v to %v in a reload", f.now, f.next),
				Accepted: "the value that runs, or a restart",
			})
		}
	}
	if len(refusal.Mistakes) > 0 {
		return &refusal
	}
	return nil
}

// Addr is where a listener listens: http, https or admin. Nil when it is off.
func (e *edge) Addr(name string) net.Addr {
	if s, ok := e.servers[name]; ok {
		return s.Addr()
	}
	return nil
}
