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
	require.Len(t, proxyErrors, len(Classes())-1)
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
