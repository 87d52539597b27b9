package lab

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"
)

// Origin is one address of the newspaper: a loopback port with a switch for
// faults in front of it. Its methods may be called concurrently.
type Origin struct {
	// set when it starts, never changed
	name     string
	other    string // the same with or without www; empty where that is another origin's
	alias    string
	endpoint *endpoint
	phone    *phonebook // what the nameservers say of it; nil where it has no name there
	certs    wardrobe   // empty when plain
	calm     spell      // what every spell begins as

	// guarded by the endpoint's mu
	spell       *spell
	requests    int64
	connections int64
}

// Name is the origin's host name.
func (o *Origin) Name() string { return o.name }

// Alias is "primary" for the first origin of a lab, then "alternate1" and so on.
func (o *Origin) Alias() string { return o.alias }

// Addr is the loopback address it listens on, or would if it were not down. It
// never changes.
func (o *Origin) Addr() netip.AddrPort { return o.endpoint.port.address }

// URL is the origin's address without a trailing slash, such as
// https://www.gazette.example:40123.
func (o *Origin) URL() string {
	scheme := "https"
	if o.endpoint.plain {
		scheme = "http"
	}
	return fmt.Sprintf("%s://%s:%d", scheme, o.name, o.Addr().Port())
}

// Fault is the fault in force; NoFault when there is none.
func (o *Origin) Fault() Fault { return o.present().fault }

// Since is when the present fault, or the absence of one, began.
func (o *Origin) Since() time.Time { return o.present().since }

func (o *Origin) present() *spell {
	o.endpoint.mu.Lock()
	defer o.endpoint.mu.Unlock()
	return o.spell
}

// Requests counts the requests that were read, whatever the answer.
func (o *Origin) Requests() int64 {
	o.endpoint.mu.Lock()
	defer o.endpoint.mu.Unlock()
	return o.requests
}

// Connections counts the connections that were accepted at its address, whatever became
// of them.
func (o *Origin) Connections() int64 {
	o.endpoint.mu.Lock()
	defer o.endpoint.mu.Unlock()
	return o.connections
}

// Break puts a fault in force, in place of any other; NoFault mends. It fails
// for a name outside the set, for a fault that [Origin.CanShow] refuses, and when the
// port cannot be opened as the fault needs it. After the last, the origin is down.
func (o *Origin) Break(fault Fault) error {
	if fault != NoFault {
		known, err := ParseFault(string(fault))
		if err != nil {
			return err
		}
		fault = known
	}
	if err := o.CanShow(fault); err != nil {
		return err
	}
	toCut, err := o.change(fault)
	for _, conn := range toCut {
		reset(conn)
	}
	return err
}

// CanShow says why the origin cannot show a fault; nil says that it can.
func (o *Origin) CanShow(fault Fault) error {
	t := fault.traits()
	switch {
	case o.endpoint.plain && t.tls:
		return fmt.Errorf("%s has no TLS, so it cannot show %s", o.name, fault)
	case t.stage == StageResolve && o.phone == nil:
		return fmt.Errorf("no nameserver knows %s, so it cannot show %s", o.name, fault)
	case t.spread && !o.endpoint.spare.address.IsValid():
		return fmt.Errorf("this system has one loopback address for all, so %s cannot show %s", o.name, fault)
	case t.edge && o.calm.edge() == nil:
		return fmt.Errorf("nobody said where the edge is, so %s cannot show %s: call SetEdge first", o.name, fault)
	}
	return nil
}

// Mend takes the fault away. It fails when the port cannot be opened again;
// the origin is then still down.
func (o *Origin) Mend() error { return o.Break(NoFault) }

// change makes the switch and returns the connections that must not survive
// it. They are reset by the caller, without the lock, which their Close takes.
func (o *Origin) change(fault Fault) ([]*connection, error) {
	e := o.endpoint
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, fmt.Errorf("cannot change the fault of %s: the lab is closed: %w", o.name, net.ErrClosed)
	}
	before := o.spell.fault
	if before == fault {
		return nil, nil
	}
	toCut := o.cutLocked(before.traits(), fault.traits())
	was := e.passageLocked()
	o.beginLocked(fault)
	is := e.passageLocked()
	if was == is {
		return toCut, nil
	}
	e.shutLocked()
	if err := e.openLocked(is); err != nil {
		o.beginLocked(Down)
		return toCut, fmt.Errorf("%s is down now, break or mend it again: %w", o.name, err)
	}
	return toCut, nil
}

// cutLocked lists the connections that a change of faults ends. A fault of the connection
// ends everybody's at the address, any other those that may be the origin's own.
func (o *Origin) cutLocked(before, after traits) []*connection {
	if !before.cuts && !after.cuts {
		return nil
	}
	everybody := before.stage == StageConnect || after.stage == StageConnect
	var toCut []*connection
	for conn := range o.endpoint.open {
		if everybody || conn.resident == nil || conn.resident == o {
			toCut = append(toCut, conn)
		}
	}
	return toCut
}

// beginLocked ends the spell in force and begins the next.
func (o *Origin) beginLocked(fault Fault) {
	if o.spell != nil {
		close(o.spell.over)
	}
	next := o.calm
	next.fault, next.since, next.over = fault, next.now(), make(chan struct{})
	next.tried = next.since
	o.spell = &next
	if o.phone != nil {
		o.phone.tell(o.names(), fault)
	}
}

// names are the host names that lead to the origin.
func (o *Origin) names() []string {
	if o.other == "" {
		return []string{o.name}
	}
	return []string{o.name, o.other}
}

// hasName reports whether a host name is one of the origin's.
func (o *Origin) hasName(name string) bool {
	return strings.EqualFold(name, o.name) || o.other != "" && strings.EqualFold(name, o.other)
}
