package lab

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/heliograph-edge/heliograph/health/canary"
)

const (
	// Site is the name that the newspaper's canaries are signed for.
	Site = "gazette"

	sequence  = 42 // of the canary that is good
	canaryDay = 24 * time.Hour
)

// proofs are the newspaper's canaries, as text. The zero value is none.
type proofs struct{ good, stale, otherKey, rollback string }

// signProofs signs the canaries with a new key, and one with another.
func signProofs(now time.Time) (canary.Key, proofs, error) {
	keys := make([]canary.SigningKey, 2)
	for i := range keys {
		key, err := canary.NewSigningKey(Site, rand.Reader)
		if err != nil {
			return canary.Key{}, proofs{}, fmt.Errorf("cannot make the newspaper's key: %w", err)
		}
		keys[i] = key
	}
	var p proofs
	for _, wanted := range []struct {
		into     *string
		key      canary.SigningKey
		sequence uint64
		issued   time.Time
		lasts    time.Duration
	}{
		{&p.good, keys[0], sequence, now.Add(-time.Hour), 7 * canaryDay},
		{&p.stale, keys[0], sequence - 7, now.Add(-8 * canaryDay), 7 * canaryDay},
		{&p.otherKey, keys[1], sequence, now.Add(-time.Hour), 7 * canaryDay},
		{&p.rollback, keys[0], sequence - 1, now.Add(-2 * canaryDay), 7 * canaryDay},
	} {
		signed, err := canary.Sign(canary.Canary{
			Site: Site, Sequence: wanted.sequence, Issued: wanted.issued, Expires: wanted.issued.Add(wanted.lasts),
		}, wanted.key)
		if err != nil {
			return canary.Key{}, proofs{}, fmt.Errorf("cannot sign the newspaper's canary: %w", err)
		}
		*wanted.into = signed.String()
	}
	return keys[0].Public(), p, nil
}

// under is the canary to show under a fault; empty when there is none.
func (p proofs) under(fault Fault) string {
	switch fault {
	case CanaryStale, CopySite:
		return p.stale
	case CanaryOtherKey:
		return p.otherKey
	case CanaryRollback:
		return p.rollback
	}
	return p.good
}
