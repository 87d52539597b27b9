package lab

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// imposterName is in the certificate of the block-page server, and in no link.
const imposterName = "notice.provider.example"

// The blocks of loopback addresses beside the origins' own.
const (
	spareBlock = 1 // second addresses of origins
	deadBlock  = 2 // where nothing listens
)

// open makes and opens everything that a lab has from its start.
func (l *Lab) open() (err error) {
	now := l.options.Now()
	if l.authority, err = newAuthority("Harbour Lab Authority", now); err != nil {
		return err
	}
	if l.rogue, err = newAuthority("Somebody Else's Authority", now); err != nil {
		return err
	}
	if l.key, l.proofs, err = signProofs(now); err != nil {
		return err
	}
	if err := l.startNameservers(); err != nil {
		return err
	}
	ports, apart, err := reserveEach(len(l.options.Origins) - len(l.alongside()) + 1)
	if err != nil {
		return fmt.Errorf("cannot start the origins: %w", err)
	}
	own, last := ports[:len(ports)-1], ports[len(ports)-1]
	if !apart {
		last.release()
	} else if err := l.openImposter(last, now); err != nil {
		releaseAll(own)
		return err
	}
	return l.openOrigins(own, apart, now)
}

// alongside are the origins that share the primary's address.
func (l *Lab) alongside() []string {
	return slices.DeleteFunc(slices.Clone(l.options.Origins), func(name string) bool {
		return name == l.options.Origins[0] || !slices.Contains(l.options.Together, name)
	})
}

// openOrigins opens the origins at their ports. Ports that come to nothing are given back.
func (l *Lab) openOrigins(ports []port, apart bool, now time.Time) error {
	var endpoints []*endpoint
	alongside := l.alongside()
	for i, name := range l.options.Origins {
		if !slices.Contains(alongside, name) {
			e := &endpoint{port: ports[len(endpoints)], plain: l.options.Plain}
			if apart {
				e.spare = e.port.spare(spareBlock)
			}
			endpoints = append(endpoints, e)
		}
		e := endpoints[len(endpoints)-1]
		if slices.Contains(alongside, name) {
			e = endpoints[0]
		}
		origin, err := l.newOrigin(name, i, e, now)
		if err != nil {
			releaseAll(ports)
			return err
		}
		l.origins = append(l.origins, origin)
	}
	for i, e := range endpoints {
		if err := e.start(); err != nil {
			releaseAll(ports[i:])
			return fmt.Errorf("cannot start the origin %s: %w", e.residents[0].name, err)
		}
		l.endpoints = append(l.endpoints, e)
	}
	return nil
}

// newOrigin makes an origin that is not open yet, and has it live at the endpoint.
func (l *Lab) newOrigin(name string, index int, e *endpoint, now time.Time) (*Origin, error) {
	paper, err := newNewspaper(name)
	if err != nil {
		return nil, err
	}
	o := &Origin{name: name, other: l.otherName(name), alias: "primary", endpoint: e, calm: l.calm(paper)}
	if index > 0 {
		o.alias = fmt.Sprintf("alternate%d", index)
	}
	o.calm.redesigned, o.calm.proofs, o.calm.other = paper.redesigned, l.proofs, o.other
	o.phone = l.phonebook(e)
	if !e.plain {
		if o.certs, err = newWardrobe(name, o.names()[1:], l.authority, l.rogue, now); err != nil {
			return nil, err
		}
	}
	e.residents = append(e.residents, o)
	return o, nil
}

// otherName is the name with www for one without, and the other way round; empty where
// that is an origin of its own.
func (l *Lab) otherName(name string) string {
	other, found := strings.CutPrefix(name, "www.")
	if !found {
		other = "www." + name
	}
	if slices.ContainsFunc(l.options.Origins, func(known string) bool { return strings.EqualFold(known, other) }) {
		return ""
	}
	return other
}

// calm is what every spell of an origin with these pages begins as.
func (l *Lab) calm(paper http.Handler) spell {
	o := l.options
	return spell{
		paper: paper, edge: l.whereEdge, now: o.Now,
		delay: o.Delay, pause: o.Pause, rate: o.Rate, turn: o.Turn, residual: o.Residual,
	}
}

// phonebook is what the nameservers say of the names at an endpoint.
func (l *Lab) phonebook(e *endpoint) *phonebook {
	p := &phonebook{local: l.local, control: l.control, edge: l.whereEdge, own: e.port.address.Addr(), ttl: l.options.TTL}
	if e.spare.address.IsValid() {
		p.spare, p.dead = e.spare.address.Addr(), e.port.spare(deadBlock).address.Addr()
	}
	if l.imposter != nil {
		p.imposter = l.imposter.Addr().Addr()
	}
	return p
}

// openImposter opens a provider's block-page server: whatever name a reader came for, over
// plain HTTP it shows its page, and over TLS its own certificate.
func (l *Lab) openImposter(at port, now time.Time) error {
	e := &endpoint{port: at, either: true}
	notice := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sendNotice(w, http.StatusOK, "", strings.ReplaceAll(blockPage, "{{host}}", hostOnly(r.Host)))
	})
	o := &Origin{name: imposterName, alias: "imposter", endpoint: e, calm: l.calm(notice)}
	var err error
	if o.certs, err = newWardrobe(imposterName, nil, l.authority, l.rogue, now); err == nil {
		e.residents = []*Origin{o}
		err = e.start()
	}
	if err != nil {
		at.release()
		return fmt.Errorf("cannot start the block-page server: %w", err)
	}
	l.imposter = o
	l.endpoints = append(l.endpoints, e)
	return nil
}

// StartControl starts a server that is no origin and answers 204 to everything, for an edge
// to see whether its own network is there. It has a loopback address in place of a name. Break
// and Mend work on it; the lab closes it.
func (l *Lab) StartControl() (*Origin, error) {
	at, err := reserve(netip.AddrPortFrom(loopback(0, 1), 0))
	if err != nil {
		return nil, fmt.Errorf("cannot start the control server: %w", err)
	}
	e := &endpoint{port: at, plain: true}
	nothing := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	o := &Origin{name: at.address.Addr().String(), alias: "control", endpoint: e, calm: l.calm(nothing)}
	e.residents = []*Origin{o}
	if err := e.start(); err != nil {
		at.release()
		return nil, fmt.Errorf("cannot start the control server: %w", err)
	}
	l.adopt(e.close)
	return o, nil
}
