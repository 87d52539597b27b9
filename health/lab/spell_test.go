package lab

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// castSpell is a spell on a page of 200 bytes, without an origin.
func castSpell(fault Fault) *spell {
	return &spell{
		fault: fault, over: make(chan struct{}), delay: 3 * time.Second, pause: 50 * time.Millisecond,
		paper: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "200")
			w.Write([]byte(strings.Repeat("x", 200)))
		}),
	}
}

// serve runs a request through a spell and says what came after how long, and
// whether the answer was broken off.
func serve(s *spell, ctx context.Context) (body int, took time.Duration, aborted bool) {
	began := time.Now()
	recorder := httptest.NewRecorder()
	defer func() {
		body, took = recorder.Body.Len(), time.Since(began)
		aborted = recover() == http.ErrAbortHandler
	}()
	s.ServeHTTP(recorder, httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
	return
}

func TestWaitingFaults(t *testing.T) {
	const pieces = 200/dripSize + 1
	for _, test := range []struct {
		name    string
		fault   Fault
		mended  time.Duration // zero: never
		gone    time.Duration // when the reader leaves; zero: never
		body    int
		took    time.Duration
		aborted bool
	}{
		{name: "slow answers after the delay", fault: Slow, body: 200, took: 3 * time.Second},
		{name: "slow answers as soon as it is mended", fault: Slow, mended: time.Second, body: 200, took: time.Second},
		{name: "slow gives up with its reader", fault: Slow, gone: time.Second, body: 0, took: time.Second, aborted: true},
		{name: "slow-body pauses between pieces", fault: SlowBody, body: 200, took: (pieces - 1) * 50 * time.Millisecond},
		{name: "slow-body sends the rest when it is mended", fault: SlowBody, mended: 60 * time.Millisecond, body: 200, took: 60 * time.Millisecond},
		{name: "slow-body gives up with its reader", fault: SlowBody, gone: 60 * time.Millisecond, body: 2 * dripSize, took: 60 * time.Millisecond, aborted: true},
		{name: "freeze holds the half until it is mended", fault: Freeze, mended: time.Hour, body: 200, took: time.Hour},
		{name: "freeze gives up with its reader", fault: Freeze, gone: time.Minute, body: 100, took: time.Minute, aborted: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := castSpell(test.fault)
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				if test.mended > 0 {
					time.AfterFunc(test.mended, func() { close(s.over) })
				}
				if test.gone > 0 {
					time.AfterFunc(test.gone, leave)
				}
				body, took, aborted := serve(s, ctx)
				require.Equal(t, test.body, body)
				require.Equal(t, test.took, took)
				require.Equal(t, test.aborted, aborted)
			})
		})
	}
}

func TestThrottleSendsSoManyBytesASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := castSpell(Throttle)
		s.rate = 1000 // 100 bytes in each tenth of a second
		body, took, aborted := serve(s, t.Context())
		require.Equal(t, 200, body)
		require.Equal(t, throttleGap, took, "two pieces, one pause between them")
		require.False(t, aborted)
	})
}

func TestSilenceAnswersNobodyUntilItIsMended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := castSpell(Silence)
		time.AfterFunc(time.Hour, func() { close(s.over) })
		body, took, aborted := serve(s, t.Context())
		require.Equal(t, 200, body)
		require.Equal(t, time.Hour, took)
		require.False(t, aborted)
	})
}

func TestFlapTakesTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := castSpell(Flap)
		s.since, s.now, s.turn = time.Now(), time.Now, 2*time.Second
		for _, refused := range []bool{true, true, false, false, true, true} {
			require.Equal(t, refused, s.refuses())
			body, _, aborted := serve(s, t.Context())
			require.Equal(t, refused, aborted)
			require.Equal(t, refused, body == 0)
			time.Sleep(time.Second)
		}
	})
}

func TestAResidualBlockEndsWhenNobodyTriedForLongEnough(t *testing.T) {
	now := time.Now()
	s := castSpell(Residual)
	s.tried, s.now, s.residual = now, func() time.Time { return now }, 180*time.Second
	for _, test := range []struct {
		after   time.Duration
		refused bool
	}{
		{100 * time.Second, true},
		{179 * time.Second, true}, // the attempt before began it anew
		{179 * time.Second, true},
		{180 * time.Second, false},
		{time.Second, false}, // it is over for good
	} {
		now = now.Add(test.after)
		require.Equal(t, test.refused, s.refuses(), test.after)
	}
}

func TestCutterActsOnlyWhenThereIsAByteBeyondTheLimit(t *testing.T) {
	for _, test := range []struct {
		name   string
		writes []int
		limit  int64
		acted  int
	}{
		{"exactly the limit", []int{5, 5}, 10, 0},
		{"one byte more", []int{5, 6}, 10, 1},
		{"acts once", []int{20, 20}, 10, 1},
		{"before the first byte", []int{1}, 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			recorder, acted, total := httptest.NewRecorder(), 0, 0
			c := &cutter{ResponseWriter: recorder, limit: func(int64) int64 { return test.limit }, at: func() {
				acted++
				require.EqualValues(t, test.limit, recorder.Body.Len())
			}}
			for _, size := range test.writes {
				n, err := c.Write(make([]byte, size))
				require.NoError(t, err)
				require.Equal(t, size, n)
				total += size
			}
			require.Equal(t, test.acted, acted)
			require.Equal(t, total, recorder.Body.Len())
		})
	}
}

func TestCutterLeavesEarlyHintsAlone(t *testing.T) {
	recorder := httptest.NewRecorder()
	c := truncate(recorder)
	c.WriteHeader(http.StatusEarlyHints)
	require.False(t, c.(*cutter).begun)
	c.Header().Set("Content-Length", "10")
	c.WriteHeader(http.StatusOK)
	require.EqualValues(t, 5, c.(*cutter).left)
}
