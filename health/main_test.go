package health

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is when the tests that need no clock begin.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time { return noon.Add(time.Duration(seconds * float64(time.Second))) }

func probed(seconds float64, c Class) Observation {
	o := Observation{At: at(seconds), Class: c, Reason: string(c) + " seen"}
	switch c {
	case OK:
		o.Status, o.Reason = 200, ""
	case ServerError:
		o.Stage, o.Status = StageRequest, 502
	case IdentityMissing, CanaryInvalid, CanaryStale:
		o.Stage, o.Status = StageIdentity, 200
	case RedirectOffsite:
		o.Stage, o.Status = StageRequest, 302
	default:
		o.Stage = StageConnect
	}
	return o
}

func requested(seconds float64, c Class) Observation {
	o := probed(seconds, c)
	o.Live = true
	return o
}
