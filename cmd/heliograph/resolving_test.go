package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/configs"
	"github.com/heliograph-edge/heliograph/health/dial"
	"github.com/heliograph-edge/heliograph/health/resolve"
)

// servers reads resolvers.
func servers(t *testing.T, specs ...string) []resolve.Server {
	t.Helper()
	var all []resolve.Server
	for _, spec := range specs {
		s, err := resolve.ParseServer(spec)
		require.NoError(t, err)
		all = append(all, s)
	}
	return all
}

func TestNoResolverIsAskedBesideAProxy(t *testing.T) {
	file, err := configs.FromOrigins([]string{"https://www.gazette.example"})
	require.NoError(t, err)
	file.Control.Resolvers = servers(t, "udp://192.0.2.1", "tcp://192.0.2.2", "tls://dns.example#192.0.2.3")
	ask, err := newResolvers(file, nil)
	require.NoError(t, err)
	o := file.Sites[0].Origins[0]
	require.Len(t, ask.of(&o).Controls, 3)

	o.Via, err = dial.ParseVia("socks5://127.0.0.1:9050")
	require.NoError(t, err)
	require.Nil(t, ask.of(&o), "the proxy resolves")
	o.Resolver = servers(t, "https://dns.example/dns-query#192.0.2.4")[0]
	made := ask.of(&o)
	require.NotNil(t, made.Dial)
	require.Equal(t, servers(t, "tcp://192.0.2.2", "tls://dns.example#192.0.2.3"), made.Controls,
		"a datagram would go beside the proxy, and tell the network which name is looked for")
	require.Len(t, file.Control.Resolvers, 3)
}

func TestAReloadKeepsWhatResolversKnow(t *testing.T) {
	file, err := configs.FromOrigins([]string{"https://www.gazette.example"})
	require.NoError(t, err)
	before, err := newResolvers(file, nil)
	require.NoError(t, err)
	o := &file.Sites[0].Origins[0]
	same, err := newResolvers(file, before)
	require.NoError(t, err)
	require.Same(t, before.of(o), same.of(o))
	file.Control.Resolvers = servers(t, "tcp://192.0.2.2")
	other, err := newResolvers(file, before)
	require.NoError(t, err)
	require.NotSame(t, before.of(o), other.of(o), "with other control resolvers it has to ask anew")
}
