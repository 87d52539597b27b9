package configs

import (
	"net/netip"
	"net/url"
	"time"

	"github.com/heliograph-edge/heliograph/health/canary"
	"github.com/heliograph-edge/heliograph/health/dial"
	"github.com/heliograph-edge/heliograph/health/resolve"
)

// File is a whole configuration. It is made by [Load], [Parse] or [FromOrigins];
// the zero File has no sites and is refused by [File.Check]. A File is not
// changed after it was handed out and may be read by many goroutines.
type File struct {
	Listen Listen
	// Data is the directory for what survives a restart: certificates, pages
	// and verdicts. It need not exist yet.
	Data string
	TLS  TLS
	// Sites has at least one element.
	Sites   []Site
	Control Control
	// Fingerprints are files of fingerprints of block pages: CSV as OONI keeps it
	// where the name ends in .csv, and else JSON Lines as Censored Planet does.
	Fingerprints []string
	// Allow lists the networks that DNS may lead to although they are private or
	// reserved. None is a metadata service, and none is everything.
	Allow []netip.Prefix
	Cache Cache
	Log   Log
	// Drain is how long a shutdown waits for running requests.
	Drain time.Duration
	// Path is where the File was read from, empty for the command line.
	Path string

	source source
}

// Listen holds the addresses the edge listens on, as host:port.
type Listen struct {
	// HTTP and HTTPS are off when empty; at least one of them is not. A port
	// of 0 lets the system choose.
	HTTP, HTTPS string
	// Admin is a loopback address or unix:/path, never empty.
	Admin string
}

// TLS says where certificates come from. The zero TLS has no source; at least
// one is set when [Listen.HTTPS] is on.
type TLS struct {
	// Email is the ACME account's address, empty when ACME is off.
	Email string
	Files []CertificateFile
	// Internal makes the edge its own certificate authority, for development.
	Internal bool
}

// CertificateFile names the PEM files of one certificate chain and its key.
type CertificateFile struct {
	Cert, Key string
}

// Site is one publication.
type Site struct {
	// Name is unique among the sites and matches [a-z0-9][a-z0-9.-]*.
	Name string
	// Fronts are lower-case host names, unique among all sites. A site without
	// fronts answers to every name that no other site has; there is at most one.
	Fronts []string
	// Canonical is the address that pages are stored and keyed under.
	Canonical *url.URL
	// Origins has at least one element; the first is the primary.
	Origins []Origin
	// Cookies lets readers' cookies through to the origins and back.
	Cookies  bool
	Identity Identity
	Health   Health
	Cache    SiteCache
}

// Origin is an address that the publication's pages can be fetched from.
type Origin struct {
	// Name is unique within the site: the URL unless the operator gave another.
	Name string
	// URL is scheme and host, with a port where it is not the scheme's own. It
	// has no path, query, fragment or user.
	URL *url.URL
	// Address holds the IP addresses to connect to; empty asks DNS.
	Address []netip.Addr
	// Resolver is whom DNS asks. The zero Server is the machine's own resolver, or
	// the proxy where Via is one; it is not one that Via cannot carry.
	Resolver resolve.Server
	// Via is the proxy to connect through; the zero Via connects directly.
	Via dial.Via
	// Pins are the keys of which the origin must prove to have one; empty trusts
	// every chain of a trusted authority. An http origin has none.
	Pins dial.Pins
	// Network names what the origin shares its fate with; empty when that is not
	// known.
	Network string
	// CA is a file of PEM certificates to trust instead of the system's; empty
	// trusts the system's.
	CA string
}

// Control is what the edge compares its own view with.
type Control struct {
	// Resolvers tell a forged DNS answer from a right one. None is the machine's
	// own, which they are compared with.
	Resolvers []resolve.Server
	// URLs tell a dead origin from a dead network of the edge's own. None is an
	// origin's.
	URLs []*url.URL
}

// Identity is what proves that an answer is this publication.
type Identity struct {
	// Contains lists texts that are all found on each of Paths; empty asks for
	// no proof.
	Contains []string
	// Paths are fetched by probes; at least one, each begins with a slash.
	Paths  []string
	Canary Canary
}

// Canary is the signed text that every origin of the site must have.
type Canary struct {
	// Key is what it must be signed with; the zero Key asks for no canary.
	Key canary.Key
	// Path begins with a slash.
	Path string
	// Lag is for how long after a canary was issued the one before it passes.
	Lag time.Duration
}

// Health is how often origins are probed and how many answers turn a verdict.
type Health struct {
	Interval, Timeout time.Duration
	// Fall is how many failures in a row take an origin out of use, Rise how
	// many successes in a row bring it back.
	Fall, Rise int
}

// SiteCache is how long pages may be shown after they stopped being fresh, and what
// differs from what the pages themselves say.
type SiteCache struct {
	// Stale applies while an origin is usable, Outage while none is.
	Stale, Outage time.Duration
	Query         Query
	Bypass        Bypass
	// Lifetime lists for how long pages are fresh; the first whose path fits counts.
	Lifetime []Lifetime
}

// Query says which query parameters change what a page is. In their names * stands for
// any text. At most one of the lists has elements; all parameters count where none has.
type Query struct {
	// Ignore lists those that do not, Keep the only ones that do.
	Ignore, Keep []string
}

// Bypass says which requests have nothing to do with the cache.
type Bypass struct {
	// Cookies lists names, in which * stands for any text; a site without cookies has none.
	Cookies []string
}

// Lifetime is for how long the pages of some paths are fresh, whatever they say.
type Lifetime struct {
	// Path begins with a slash or a star; * stands for any text.
	Path string
	For  time.Duration
}

// Cache is what all sites share.
type Cache struct {
	// Memory is the most that pages may take in memory, in bytes.
	Memory int64
}

// Log says what is written to standard error.
type Log struct {
	// Format is json or console.
	Format string
	// Level is debug, info, warn or error.
	Level string
	// Readers says how much of a reader's address is logged: none, truncated
	// (/24 or /48) or full.
	Readers string
}

// defaults is what a file that says nothing means, except for what is derived
// from other values: see [File.complete].
func defaults() *File {
	return &File{
		Listen: Listen{HTTP: "127.0.0.1:8080", Admin: "127.0.0.1:8081"},
		Cache:  Cache{Memory: 512 << 20},
		Log:    Log{Format: "json", Level: "info", Readers: "none"},
		Drain:  30 * time.Second,
	}
}

func siteDefaults() Site {
	return Site{
		Identity: Identity{Paths: []string{"/"}, Canary: Canary{Path: canary.Path}},
		Health:   Health{Interval: 10 * time.Second, Timeout: 5 * time.Second, Fall: 3, Rise: 2},
		Cache:    SiteCache{Stale: day, Outage: 30 * day},
	}
}
