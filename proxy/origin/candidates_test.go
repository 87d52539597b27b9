package origin

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

func TestCandidatesAreToldInTheOrderInWhichTheyWouldBeAsked(t *testing.T) {
	known := views(health.Down, health.Healthy, health.Hijacked, health.Healthy, health.Drained, health.Blocked, health.Suspect)
	known[3].LiveFailures = avoidAfter
	known[5].LeftAloneUntil = noon.Add(time.Minute)
	resting := func(i int) bool { return i == 6 }
	type line struct {
		name   string
		asked  bool
		active bool
		why    string
	}
	var got []line
	for _, c := range candidates(noon, known, Choose(noon, known, Route{Since: noon.Add(-time.Hour)}, 0), resting) {
		got = append(got, line{c.View.ID.Origin, c.Asked, c.Active, c.Why})
	}
	require.Equal(t, []line{
		{"b", true, true, ""},
		{"d", true, false, "after the others: readers' requests to it failed"},
		{"g", true, false, "after the others: it asked to be left alone"},
		{"a", true, false, "only as a last resort"},
		{"c", false, false, "never asked: what answers there is not the publication"},
		{"e", false, false, "not asked: an operator has drained it"},
		{"f", false, false, "not asked before " + noon.Add(time.Minute).UTC().Format(time.RFC3339) + ": that would prolong what is wrong there"},
	}, got)
}

func TestTheOnlyCandidateIsNoLastResort(t *testing.T) {
	known := views(health.Down)
	all := candidates(noon, known, Choose(noon, known, Route{}, 0), func(int) bool { return false })
	require.Len(t, all, 1)
	require.True(t, all[0].Asked)
	require.Empty(t, all[0].Why)
}

func TestToldCandidatesMoveNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, servePage, servePage)
		s.probe("a", health.IdentityMismatch, health.IdentityMismatch, health.IdentityMismatch)
		s.probe("b", health.OK, health.OK, health.OK)
		require.Equal(t, "b", s.pool.Candidates("/")[0].View.ID.Origin)
		require.Equal(t, "a", s.pool.Active())
	})
}

func TestACandidateThatLackedThePageIsNamedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, serveStatus(404, "none"), servePage)
		got, err := s.pool.Fetch(t.Context(), ordinary("/"))
		require.NoError(t, err)
		readAll(t, got)
		all := s.pool.Candidates("/")
		require.Equal(t, "b", all[0].View.ID.Origin)
		require.Equal(t, "after the others: it lacked this page a moment ago", all[1].Why)
		require.True(t, all[1].Active, "readers are still sent there for other pages")
		require.Equal(t, "a", s.pool.Candidates("/other")[0].View.ID.Origin)
	})
}
