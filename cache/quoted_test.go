package cache_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

func TestQuotesDoNotHideWhatForbidsStoring(t *testing.T) {
	for _, value := range []string{
		`"private, no-store"`, `"no-store"`, `"private"`, `"no-cache,no-store,must-revalidate"`, `"private",max-age=60`,
		`'private',max-age=60`, `'no-store'`, `'no-cache,no-store,must-revalidate'`, `max-age=60;private`, `"private`, `max-age=60, "x", 'private'`,
		`"a\"b", "private"`,
	} {
		t.Run(value, func(t *testing.T) {
			d := cache.ParseCacheControl([]string{value})
			require.True(t, d.NoStore || d.Private)
			reason := cache.Storable("GET", nil, 200, fields("Cache-Control: "+value, "Last-Modified: Sun, 01 Mar 2020 12:00:00 GMT"))
			require.NotEmpty(t, reason)
		})
	}
}

func TestWhatIsQuotedDoesNotPermit(t *testing.T) {
	for _, value := range []string{`"public, max-age=60"`, `"a, public, max-age=60, b"`, `'public', 'max-age=60'`, `'max-age'=60`} {
		t.Run(value, func(t *testing.T) {
			d := cache.ParseCacheControl([]string{value})
			require.False(t, d.Public)
			require.True(t, d.Broken || d.MaxAge < 0, "%+v", d)
		})
	}
}
