package configs

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestASitesRulesForTheCacheAreRead(t *testing.T) {
	f, err := Parse("heliograph.yaml", []byte(`
sites:
  - fronts: [one.example]
    origins: [https://www.gazette.example]
    cookies: true
    cache:
      query: {ignore: [utm_*, fbclid, "*"]}
      bypass: {cookies: [session*, wordpress_logged_in_*]}
      lifetime: [{path: /static/*, for: 1d}, {path: "*.css", for: 10m}]
  - fronts: [two.example]
    origins: [https://archive.gazette.example]
    cache: {query: {keep: [page, "a[]", "ä b"]}}
`))
	require.NoError(t, err)
	require.Equal(t, SiteCache{
		Stale: day, Outage: 30 * day,
		Query:    Query{Ignore: []string{"utm_*", "fbclid", "*"}},
		Bypass:   Bypass{Cookies: []string{"session*", "wordpress_logged_in_*"}},
		Lifetime: []Lifetime{{"/static/*", day}, {"*.css", 10 * time.Minute}},
	}, f.Sites[0].Cache)
	require.Equal(t, []string{"page", "a[]", "ä b"}, f.Sites[1].Cache.Query.Keep)
}
