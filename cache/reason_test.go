package cache_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

func TestEveryReasonHasAMeaning(t *testing.T) {
	seen := make(map[string]cache.Reason)
	for _, r := range cache.Reasons() {
		require.Regexp(t, `^[A-Z].*\.$`, r.Meaning(), string(r))
		require.Empty(t, seen[r.Meaning()], "%s says the same", r)
		seen[r.Meaning()] = r
	}
	require.Empty(t, cache.Reason("").Meaning())
}
