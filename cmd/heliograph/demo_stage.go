package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/heliograph-edge/heliograph/configs"
	"github.com/heliograph-edge/heliograph/health/lab"
)

// stage is what a demonstration happens on: a newspaper's origins, an edge that
// reads its configuration from a file like any other, and a reader.
type stage struct {
	lab       *lab.Lab
	edge      *edge
	reader    *lab.Reader
	directory string // removed by close
	log       *os.File
	front     string // URL for readers
	admin     string // URL for operators

	leave   context.CancelFunc // ends the reader; nil before it came
	running sync.WaitGroup     // the reader, and what commands set off
}

// stageOptions say where a stage is reached.
type stageOptions struct {
	http, admin string    // listeners' addresses
	log         string    // file for the edge's log; empty is one in the stage's directory
	notes       io.Writer // told of addresses that were taken
}

// slowness is how late the lab's slow answers begin: later than a probe waits.
const slowness = 1500 * time.Millisecond

// namesHold is the time to live of the lab's names. Each lookup takes the time in which
// a forged answer would show, and readers wait for it.
const namesHold = 5 * time.Second

// openStage starts the origins and the edge. The reader comes with [stage.open].
// Close the stage when done.
func openStage(o stageOptions) (s *stage, err error) {
	s = &stage{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
			s = nil
		}
	}()
	if s.lab, err = lab.Start(lab.Options{Delay: slowness, TTL: namesHold}); err != nil {
		return s, err
	}
	if s.directory, err = os.MkdirTemp("", "heliograph-demo-"); err != nil {
		return s, err
	}
	control, err := s.lab.StartControl()
	if err != nil {
		return s, err
	}
	config, err := s.write(control, untaken("http", o.http, o.notes), untaken("admin", o.admin, o.notes))
	if err != nil {
		return s, err
	}
	if o.log == "" {
		o.log = filepath.Join(s.directory, "edge.log")
	}
	if s.log, err = os.OpenFile(o.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return s, err
	}
	if s.edge, err = startEdge(edgeOptions{
		load:  func() (*configs.File, error) { return configs.Load(config) },
		log:   s.log,
		extra: map[string]http.Handler{"/api/v1/lab/": http.StripPrefix("/api/v1/lab", s.lab.Handler())},
	}); err != nil {
		return s, err
	}
	s.front = urlOf("http", s.edge.Addr("http").String())
	if err = s.lab.SetEdge(s.front); err != nil {
		return s, err
	}
	s.admin = urlOf("http", s.edge.Addr("admin").String())
	s.reader = &lab.Reader{Name: "demo", Base: s.front, Interval: 100 * time.Millisecond, Concurrency: 4}
	s.lab.Attach(s.reader)
	return s, nil
}

// untaken is the address, or one with a free port where another program has it.
func untaken(flag, address string, notes io.Writer) string {
	l, err := net.Listen("tcp", address)
	if err == nil {
		l.Close()
		return address
	}
	host, _, splitErr := net.SplitHostPort(address)
	if splitErr != nil || !errors.Is(err, syscall.EADDRINUSE) {
		return address // the configuration's rules or the edge say what is wrong
	}
	fmt.Fprintf(notes, "%s is taken by another program: a free port serves instead; choose one with --%s\n", address, flag)
	return net.JoinHostPort(host, "0")
}

// write writes the lab's authority and the configuration, and returns its path.
func (s *stage) write(control *lab.Origin, front, admin string) (string, error) {
	authority := filepath.Join(s.directory, "lab-authority.pem")
	if err := os.WriteFile(authority, s.lab.CAPEM(), 0o600); err != nil {
		return "", err
	}
	config := filepath.Join(s.directory, "heliograph.yaml")
	return config, os.WriteFile(config, []byte(configuration(front, admin, s.lab, control.URL())), 0o600)
}

// configuration is the demonstration's heliograph.yaml. The edge asks the nameserver that
// can be made to lie, and compares with the one that cannot.
func configuration(front, admin string, l *lab.Lab, control string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "listen: {http: %q, admin: %q}\ndata: state\ndrain: 2s\ncache: {memory: 64MiB}\n", front, admin)
	fmt.Fprintf(&b, "control: {resolvers: [%q], urls: [%q]}\n", l.Control().TCP(), control+"/")
	b.WriteString("allow:\n")
	for _, a := range l.Addresses() {
		fmt.Fprintf(&b, "  - %s\n", a)
	}
	fmt.Fprintf(&b, "sites:\n  - name: %s\n    origins:\n", lab.Site)
	for _, o := range l.Origins() {
		fmt.Fprintf(&b, "      - {name: %s, url: %q, resolver: %q, ca: lab-authority.pem}\n", o.Alias(), o.URL(), l.Local().UDP())
	}
	fmt.Fprintf(&b, "    identity: {contains: [%q], canary: {key: %q}}\n", lab.Marker, l.CanaryKey())
	b.WriteString("    health: {interval: 1s, timeout: 1s, fall: 2}\n")
	return b.String()
}

// open lets the reader in.
func (s *stage) open() {
	ctx, leave := context.WithCancel(context.Background())
	s.leave = leave
	// Run fails only for a base that is no URL, and this one is a listener's.
	s.running.Go(func() { _ = s.reader.Run(ctx) })
}

// empty sends the reader away and waits until it has left.
func (s *stage) empty() {
	if s.leave != nil {
		s.leave()
	}
	s.running.Wait()
}

// close ends everything in the reverse order of the start. What was not started
// is left out.
func (s *stage) close() error {
	s.empty()
	var errs []error
	if s.edge != nil {
		s.edge.Shutdown()
	}
	if s.lab != nil {
		errs = append(errs, s.lab.Close())
	}
	if s.log != nil {
		errs = append(errs, s.log.Close())
	}
	if s.directory != "" {
		errs = append(errs, os.RemoveAll(s.directory))
	}
	return errors.Join(errs...)
}

// aliases are the origins' names in order.
func (s *stage) aliases() []string {
	var names []string
	for _, o := range s.lab.Origins() {
		names = append(names, o.Alias())
	}
	return names
}

// byAlias counts what came from each origin by its alias instead of its host.
func (s *stage) byAlias(t lab.Tally) lab.Tally {
	counts := make(map[string]int64, len(t.Origins))
	for _, o := range s.lab.Origins() {
		counts[o.Alias()] = t.Origins[o.Name()]
	}
	t.Origins = counts
	return t
}

// active is the alias of the origin that readers are sent to now.
func (s *stage) active() string { return s.edge.proxy.Sites().All()[0].Pool.Active() }

// switches is how often the edge has moved readers from one origin to another.
func (s *stage) switches() (int, error) {
	families, err := s.edge.metrics.Registry.Gather()
	if err != nil {
		return 0, err
	}
	total := 0.0
	for _, family := range families {
		if family.GetName() != "heliograph_route_switches_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			total += m.GetCounter().GetValue()
		}
	}
	return int(total), nil
}
