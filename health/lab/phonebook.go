package lab

import (
	"errors"
	"net/netip"
	"net/url"
	"time"
)

// injectionLead is how long before the truth an injected answer comes.
const injectionLead = 30 * time.Millisecond

// phonebook is what the lab's two nameservers say of an endpoint's names: one is what a
// reader's network has, the other is out of its reach.
type phonebook struct {
	local, control *Nameserver
	own, spare     netip.Addr
	dead           netip.Addr // nothing listens there; the zero Addr where there is none
	imposter       netip.Addr // of the block-page server; the zero Addr where there is none
	edge           func() *url.URL
	ttl            time.Duration
}

// truth is what a nameserver says that nobody interferes with.
func (p *phonebook) truth() Saying {
	return Saying{Addresses: []netip.Addr{p.own}, TTL: p.ttl}
}

// tell makes both nameservers say of the names what they say under a fault.
func (p *phonebook) tell(names []string, fault Fault) {
	local, control := p.under(fault)
	for _, name := range names {
		p.local.Say(name, local)
		p.control.Say(name, control)
	}
}

// under is what the two say under a fault.
func (p *phonebook) under(fault Fault) (local, control Saying) {
	local, control = p.truth(), p.truth()
	switch fault {
	case DNSNXDomain:
		local.Manner = NXDomain
	case DNSEmpty:
		local.Addresses = nil
	case DomainGone:
		local.Manner, control.Manner = NXDomain, NXDomain
	case DNSBogon:
		local.Addresses = []netip.Addr{netip.AddrFrom4([4]byte{10, 10, 34, 34})}
	case DNSLoopback:
		local.Addresses = []netip.Addr{p.edgeAddress()}
	case DNSMetadata:
		local.Addresses = []netip.Addr{netip.AddrFrom4([4]byte{169, 254, 169, 254})}
	case DNSBlockPage:
		local.Addresses = []netip.Addr{p.imposter}
	case DNSInjected:
		local.Manner, local.Forgery, local.Delay = Forged, p.imposter, injectionLead
	case DNSServFail:
		local.Manner = ServFail
	case DNSRefused:
		local.Manner = Refused
	case DNSSilent:
		local.Manner = Silent
	case DNSGarbage:
		local.Manner = Nonsense
	case DNSOneDead:
		local.Addresses = []netip.Addr{p.dead, p.spare, p.own}
		control.Addresses = local.Addresses
	}
	return local, control
}

// edgeAddress is the edge's address, or this machine's where nobody said.
func (p *phonebook) edgeAddress() netip.Addr {
	if edge := p.edge(); edge != nil {
		if address, err := netip.ParseAddr(edge.Hostname()); err == nil {
			return address
		}
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// startNameservers starts the two nameservers.
func (l *Lab) startNameservers() (err error) {
	if l.local, err = l.StartNameserver(); err != nil {
		return err
	}
	l.control, err = l.StartNameserver()
	return err
}

// closeNameservers ends the two nameservers, as far as they were started.
func (l *Lab) closeNameservers() error {
	var errs []error
	for _, n := range []*Nameserver{l.local, l.control} {
		if n != nil {
			errs = append(errs, n.Close())
		}
	}
	return errors.Join(errs...)
}
