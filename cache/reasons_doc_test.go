package cache_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

// update writes documents instead of comparing them: go test ./cache -update.
var update = flag.Bool("update", false, "write the documents that tests compare")

// reasonsDocument is the table of reasons as REASONS.md has it.
func reasonsDocument() string {
	var b strings.Builder
	b.WriteString("# Why an answer was not stored\n\n" +
		"A closed set: what `Cache-Status` gives as `detail` of an answer that was fetched, the log as `detail`,\n" +
		"`heliograph_cache_uncacheable_total` as `reason`, and `heliograph explain` in words. `detail=uncacheable` says that the\n" +
		"latest answers could not be stored, so that readers are not made to wait for each other.\n\n" +
		"| reason | meaning |\n|---|---|\n")
	for _, r := range cache.Reasons() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", r, r.Meaning())
	}
	return b.String()
}

func TestTheReasonsAreDocumented(t *testing.T) {
	if *update {
		require.NoError(t, os.WriteFile("REASONS.md", []byte(reasonsDocument()), 0o600))
	}
	text, err := os.ReadFile("REASONS.md")
	require.NoError(t, err)
	require.Equal(t, reasonsDocument(), string(text), "run go test ./cache -update")
}
