package configs

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/heliograph-edge/heliograph/health/canary"
	"github.com/heliograph-edge/heliograph/health/dial"
	"github.com/heliograph-edge/heliograph/health/resolve"
)

// The bounds of what a file may ask for. They are there to catch slips (a unit
// forgotten, a digit too many) and to keep probes from being a burden.
const (
	minInterval, maxInterval = time.Second, time.Hour
	minTimeout, maxTimeout   = 100 * time.Millisecond, 30 * time.Second
	minInARow, maxInARow     = 1, 20
	minStale, maxStale       = time.Second, 3650 * day
	minDrain, maxDrain       = 100 * time.Millisecond, time.Hour
	minMemory, maxMemory     = 1 << 20, 1 << 40
	minLifetime, maxLifetime = time.Second, 365 * day
	maxLag                   = 7 * day
	maxControls              = 8 // every lookup asks each resolver
	maxNetwork               = 64
)

// What several keys accept, in the same words.
const (
	acceptedAddress   = `an address such as 127.0.0.1:8080, or ":80" for all interfaces`
	acceptedOrigin    = "a URL without a path, such as https://www.gazette.example"
	acceptedFile      = "the path of a PEM file"
	acceptedHost      = "a host name such as gazette.example.net"
	acceptedServer    = "udp://192.0.2.1, tcp://192.0.2.1, tls://dns.example#192.0.2.1 or https://dns.example/dns-query#192.0.2.1"
	acceptedResolver  = "system, " + acceptedServer
	acceptedVia       = "socks5://127.0.0.1:1080 or http://127.0.0.1:3128, with user:password@ before the host where the proxy asks for it"
	acceptedPin       = "sha256/ and the base64 of 32 bytes, as heliograph check prints it"
	acceptedParameter = "a name such as utm_*, as it stands before the =; * stands for any text"
	acceptedCookie    = "a name such as session*; * stands for any text"
	acceptedKey       = "the public key that heliograph canary new printed, heliograph-canary-key:…"
)

// The values of log, in the order they are listed in.
func logFormats() []string { return []string{"json", "console"} }
func logLevels() []string  { return []string{"debug", "info", "warn", "error"} }
func logReaders() []string { return []string{"none", "truncated", "full"} }

// schema is the shape of a whole file, read into f.
func schema(f *File) shape {
	return mapping(
		key{"listen", mapping(
			key{"http", text(&f.Listen.HTTP, acceptedAddress+`, or "" for off when https is on`)},
			key{"https", text(&f.Listen.HTTPS, `an address such as ":443", or "" for off`)},
			key{"admin", text(&f.Listen.Admin, "a loopback address such as 127.0.0.1:8081, or unix:/path")},
		)},
		key{"data", text(&f.Data, "a directory such as /var/lib/heliograph")},
		key{"tls", mapping(
			key{"email", text(&f.TLS.Email, "an address such as ops@gazette.example")},
			key{"files", list(&f.TLS.Files, "a list of {cert: file, key: file}", none[CertificateFile], certificateSchema)},
			key{"internal", truth(&f.TLS.Internal)},
		)},
		key{"sites", list(&f.Sites, "a list of sites, such as [{origins: [https://www.gazette.example]}]", siteDefaults, siteSchema)},
		key{"control", mapping(
			key{"resolvers", list(&f.Control.Resolvers, fmt.Sprintf("a list of at most %d resolvers", maxControls), none[resolve.Server], func(s *resolve.Server) shape {
				return scalar(s, acceptedServer, parseResolver)
			})},
			key{"urls", list(&f.Control.URLs, fmt.Sprintf("a list of at most %d URLs", maxControls), none[*url.URL], func(u **url.URL) shape {
				return link(u, "an http or https URL that is well known to answer, such as https://www.example.org/")
			})},
		)},
		key{"fingerprints", list(&f.Fingerprints, "a list of files", none[string], func(path *string) shape {
			return text(path, "the path of a list of fingerprints: CSV as OONI keeps it, or JSON Lines as Censored Planet does")
		})},
		key{"allow", list(&f.Allow, "a list of networks", none[netip.Prefix], func(network *netip.Prefix) shape {
			return scalar(network, "a network such as 10.1.0.0/16, or an address such as 10.1.0.7", parseNetwork)
		})},
		key{"cache", mapping(
			key{"memory", size(&f.Cache.Memory, "a size in KiB, MiB or GiB, from "+
				formatSize(minMemory)+" to "+formatSize(maxMemory))},
		)},
		key{"log", mapping(
			key{"format", text(&f.Log.Format, alternatives(logFormats()))},
			key{"level", text(&f.Log.Level, alternatives(logLevels()))},
			key{"readers", text(&f.Log.Readers, alternatives(logReaders()))},
		)},
		key{"drain", duration(&f.Drain, durations(minDrain, maxDrain))},
	)
}

func certificateSchema(c *CertificateFile) shape {
	return mapping(
		key{"cert", text(&c.Cert, acceptedFile)},
		key{"key", text(&c.Key, acceptedFile)},
	)
}

func siteSchema(s *Site) shape {
	return mapping(
		key{"name", text(&s.Name, "a name of a-z, 0-9, - and . that begins with a letter or digit and no other site has")},
		key{"fronts", list(&s.Fronts, "a list of host names", none[string], func(front *string) shape {
			return text(front, acceptedHost)
		})},
		key{"canonical", link(&s.Canonical, acceptedOrigin)},
		key{"origins", list(&s.Origins, "a list of addresses, the primary first", none[Origin], originSchema)},
		key{"cookies", truth(&s.Cookies)},
		key{"identity", mapping(
			key{"contains", list(&s.Identity.Contains, "a list of texts", none[string], func(marker *string) shape {
				return text(marker, "text that each of the paths holds, in quotes where it looks like a number")
			})},
			key{"paths", list(&s.Identity.Paths, "a list of paths such as [/, /news]", none[string], func(path *string) shape {
				return text(path, "a path such as /news, with a query where it needs one")
			})},
			key{"canary", mapping(
				key{"key", scalar(&s.Identity.Canary.Key, acceptedKey, canary.ParseKey)},
				key{"path", text(&s.Identity.Canary.Path, "a path such as "+canary.Path)},
				key{"lag", duration(&s.Identity.Canary.Lag, durations(0, maxLag))},
			)},
		)},
		key{"health", mapping(
			key{"interval", duration(&s.Health.Interval, durations(minInterval, maxInterval))},
			key{"timeout", duration(&s.Health.Timeout, durations(minTimeout, maxTimeout))},
			key{"fall", count(&s.Health.Fall, counts())},
			key{"rise", count(&s.Health.Rise, counts())},
		)},
		key{"cache", mapping(
			key{"stale", duration(&s.Cache.Stale, durations(minStale, maxStale))},
			key{"outage", duration(&s.Cache.Outage, durations(minStale, maxStale))},
			key{"query", mapping(
				key{"ignore", names(&s.Cache.Query.Ignore, "a list of names of query parameters, such as [utm_*, fbclid]", acceptedParameter)},
				key{"keep", names(&s.Cache.Query.Keep, "a list of names of query parameters, such as [page, q], in place of ignore", acceptedParameter)},
			)},
			key{"bypass", mapping(
				key{"cookies", names(&s.Cache.Bypass.Cookies, "a list of names of cookies, such as [session*], of a site with cookies: true", acceptedCookie)},
			)},
			key{"lifetime", list(&s.Cache.Lifetime, "a list of {path: pattern, for: duration}", none[Lifetime], lifetimeSchema)},
		)},
	)
}

func lifetimeSchema(l *Lifetime) shape {
	return mapping(
		key{"path", text(&l.Path, "a path such as /static/*, or *.css; * stands for any text")},
		key{"for", duration(&l.For, durations(minLifetime, maxLifetime))},
	)
}

// names is a list of names, each of which is described by accepted.
func names(into *[]string, several, accepted string) shape {
	return list(into, several, none[string], func(name *string) shape { return text(name, accepted) })
}

func originSchema(o *Origin) shape {
	return either(
		mapping(
			key{"name", text(&o.Name, "a name without spaces that no other origin of the site has")},
			key{"url", link(&o.URL, acceptedOrigin)},
			key{"address", list(&o.Address, "a list of IP addresses", none[netip.Addr], func(a *netip.Addr) shape {
				return address(a, "an IP address such as 192.0.2.10")
			})},
			key{"ca", text(&o.CA, "the path of a PEM file with certificates")},
			key{"resolver", scalar(&o.Resolver, acceptedResolver, parseResolver)},
			key{"via", scalar(&o.Via, acceptedVia, parseVia)},
			key{"pin", oneOrMore((*[]dial.Pin)(&o.Pins), acceptedPin+", or a list of them", func(p *dial.Pin) shape {
				return scalar(p, acceptedPin, parsePin)
			})},
			key{"network", text(&o.Network, fmt.Sprintf("a name of at most %d characters for what the origin shares its fate with, such as AS64500 or the hoster's", maxNetwork))},
		),
		link(&o.URL, acceptedOrigin),
	)
}

func none[T any]() (zero T) { return zero }

func durations(least, most time.Duration) string {
	return "a duration from " + formatDuration(least) + " to " + formatDuration(most)
}

func counts() string {
	return fmt.Sprintf("a whole number from %d to %d", minInARow, maxInARow)
}

// alternatives joins words the way a sentence does: a, b or c.
func alternatives(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// accepted maps each field of the schema, with [] for every index, to what it
// accepts.
func accepted() map[string]string {
	fields := map[string]string{}
	schema(&File{}).walk("", func(field string, s shape) { fields[field] = s.accepted })
	return fields
}

// explain fills in what is accepted where a mistake does not say so itself.
func explain(mistakes []Mistake) {
	fields := accepted()
	for i := range mistakes {
		if mistakes[i].Accepted == "" {
			mistakes[i].Accepted = fields[anyIndex(mistakes[i].Field)]
		}
	}
}

// anyIndex turns sites[0].origins[12] into sites[].origins[].
func anyIndex(field string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(field, "[") {
		if _, rest, found := strings.Cut(part, "]"); found {
			part = "[]" + rest
		}
		b.WriteString(part)
	}
	return b.String()
}
