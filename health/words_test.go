package health

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEveryFailureHasAnErrorTypeOfRFC9209(t *testing.T) {
	require.Empty(t, OK.ProxyError())
	for _, c := range Classes()[1:] {
		require.NotEmpty(t, c.ProxyError(), c)
	}
	require.Empty(t, Class("odd").ProxyError())
}

func TestOnlyTheseVerdictsGetReaders(t *testing.T) {
	var usable []Verdict
	for _, v := range Verdicts() {
		if v.Usable() {
			usable = append(usable, v)
		}
	}
	require.Equal(t, []Verdict{Unknown, Healthy, Suspect}, usable)
}

func TestTotalIsTheSumOfTheStages(t *testing.T) {
	require.Equal(t, 15*time.Millisecond, Timings{1e6, 2e6, 3e6, 4e6, 5e6}.Total())
}

func TestEveryClassHasAMeaningAndAVerdict(t *testing.T) {
	seen := map[Class]bool{}
	for _, c := range Classes() {
		require.NotEmpty(t, c.Meaning(), c)
		require.False(t, seen[c], "%s is there twice", c)
		seen[c] = true
		if c == OK {
			require.Empty(t, c.Verdict())
			continue
		}
		require.Contains(t, []Verdict{Down, Blocked, Hijacked}, c.Verdict(), c)
	}
}
