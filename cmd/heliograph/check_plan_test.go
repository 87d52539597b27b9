package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health/dial"
	"github.com/heliograph-edge/heliograph/health/resolve"
)

// flagsFor are the flags of check as they are without any given.
func flagsFor(edit func(*checkFlags)) *checkFlags {
	f := &checkFlags{resolver: "system", timeout: 5 * time.Second, color: "auto"}
	edit(f)
	return f
}

func TestURLsOfOneCommandLineAreOnePublication(t *testing.T) {
	plan, err := flagsFor(func(f *checkFlags) { f.contains = []string{"The Harbour Gazette"} }).
		plan([]string{"WWW.Gazette.example", "https://gazette.example.net:8443/news?page=2#top", "http://192.0.2.7"})
	require.NoError(t, err)
	require.Len(t, plan.looks, 3)
	first, second := plan.looks[0], plan.looks[1]
	require.Equal(t, "https://www.gazette.example/", first.url)
	require.Equal(t, "https://gazette.example.net:8443/news?page=2", second.url)
	require.Equal(t, "/news?page=2", second.target.Path)
	require.Equal(t, "https://gazette.example.net:8443", second.target.URL.String())
	require.Equal(t, []string{
		"www.gazette.example", "gazette.example", "gazette.example.net:8443", "www.gazette.example.net:8443", "192.0.2.7",
	}, first.target.Hosts)
	require.Equal(t, []string{"www.gazette.example", "gazette.example.net"}, first.target.OtherNames)
	require.Contains(t, first.target.Known.Hosts, "gazette.example.net")
	require.Equal(t, []string{"The Harbour Gazette"}, first.target.Known.Markers)
	require.NotNil(t, first.target.Gate)
	require.Same(t, first.resolver, second.resolver)
}

func TestOneURLMayBeGivenTwiceWithTwoPaths(t *testing.T) {
	plan, err := flagsFor(func(*checkFlags) {}).plan([]string{"https://www.gazette.example/", "https://www.gazette.example/news"})
	require.NoError(t, err)
	require.Len(t, plan.looks, 2)
}

func TestAProxyResolvesUnlessAResolverIsNamed(t *testing.T) {
	socks := func(f *checkFlags) { f.via = "socks5://127.0.0.1:9050" }
	plan, err := flagsFor(socks).plan([]string{"www.gazette.example"})
	require.NoError(t, err)
	require.Nil(t, plan.looks[0].resolver)
	require.Equal(t, "socks5://127.0.0.1:9050", plan.looks[0].target.Via.String())

	plan, err = flagsFor(func(f *checkFlags) { socks(f); f.resolver = "tls://dns.example#192.0.2.53" }).plan([]string{"www.gazette.example"})
	require.NoError(t, err)
	require.NotNil(t, plan.looks[0].resolver.Dial, "it is asked through the proxy")

	_, err = flagsFor(func(f *checkFlags) { socks(f); f.control = []string{"tls://dns.example#192.0.2.53"} }).plan([]string{"www.gazette.example"})
	require.ErrorContains(t, err, "the resolver system cannot be asked through --via")
}

func TestThroughAProxyNoQuestionGoesBesideIt(t *testing.T) {
	via, err := dial.ParseVia("http://127.0.0.1:3128")
	require.NoError(t, err)
	for spec, carries := range map[string]bool{
		"system": false, "udp://192.0.2.53": false, "tcp://192.0.2.53": true, "tls://192.0.2.53": true, "https://192.0.2.53": true,
	} {
		server, err := resolve.ParseServer(spec)
		require.NoError(t, err)
		require.Equal(t, carries, carried(server), spec)
		_, err = through(via, &resolve.Resolver{System: server, Controls: []resolve.Server{server}})
		require.Equal(t, carries, err == nil, spec)
	}
}

func TestAConfigurationIsCheckedWithItsOwnSettings(t *testing.T) {
	directory := t.TempDir()
	config := filepath.Join(directory, "heliograph.yaml")
	require.NoError(t, os.WriteFile(filepath.Join(directory, "prints.json"), []byte("{\"fingerprint\": \"\", \"pattern\": \"x\"}\n"), 0o600))
	require.NoError(t, os.WriteFile(config, []byte(`
control: {resolvers: ["tls://dns.example#192.0.2.53", "udp://192.0.2.54"]}
fingerprints: [prints.json]
allow: [10.1.0.0/16]
sites:
  - name: gazette
    fronts: [read.gazette.example.org]
    origins:
      - https://www.gazette.example
      - {url: "https://gazette.example.net", via: "socks5://127.0.0.1:9050"}
      - {url: "https://gazette.example.org", via: "socks5://127.0.0.1:9050", resolver: "tls://dns.example#192.0.2.53"}
    identity: {contains: ["The Harbour Gazette"], paths: [/, /news]}
    health: {timeout: 2s}
`), 0o600))
	plan, err := flagsFor(func(f *checkFlags) { f.config = config }).plan(nil)
	require.NoError(t, err)
	require.Len(t, plan.warnings, 1)
	require.Contains(t, plan.warnings[0], "prints.json:1: row 1: ")
	require.Len(t, plan.looks, 6, "each page of each origin")
	direct, proxied, both := plan.looks[0], plan.looks[2], plan.looks[4]
	require.Equal(t, "gazette", direct.site)
	require.Equal(t, "https://www.gazette.example/news", plan.looks[1].url)
	require.Equal(t, 2*time.Second, direct.target.Timeout)
	require.Len(t, direct.resolver.Controls, 2)
	require.Len(t, direct.resolver.Bogons.Allowed, 1)
	require.Nil(t, proxied.resolver)
	require.Len(t, both.resolver.Controls, 1, "what the proxy cannot carry is left out")
	require.Equal(t, []string{"gazette.example.net", "gazette.example.org"}, direct.target.OtherNames)
	require.Subset(t, direct.target.Elsewhere, []string{"gazette.example.net", "read.gazette.example.org"}, "as its probes have it")
	require.False(t, direct.target.RandomPath, "its pages prove themselves")
	require.Subset(t, direct.target.Known.Hosts, []string{"read.gazette.example.org", "gazette.example.org"})
}
