package canary

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// skew is how far a signer's clock may be ahead of ours.
const skew = 5 * time.Minute

// Reason says why a canary was refused.
type Reason string

// The closed set of reasons, in the order in which they are looked for.
const (
	TooLong      Reason = "too_long"      // more than MaxBytes
	Malformed    Reason = "malformed"     // not a canary of version 1
	BadSignature Reason = "bad_signature" // of another key, or over another text: there is no telling which
	WrongSite    Reason = "wrong_site"    // of the key, but another publication's
	NotYet       Reason = "not_yet"       // issued in the future, by more than 5 minutes
	Expired      Reason = "expired"       //
	Rollback     Reason = "rollback"      // older than the newest seen, or its sequence was seen with another text
)

// Reasons lists the closed set.
func Reasons() []Reason {
	return []Reason{TooLong, Malformed, BadSignature, WrongSite, NotYet, Expired, Rollback}
}

// Stale reports whether the canary is the publication's but not its present one.
// A refusal for any other reason is that of a text which proves nothing.
func (r Reason) Stale() bool { return r == NotYet || r == Expired || r == Rollback }

// Refusal is the error of a canary that does not verify.
type Refusal struct {
	Reason Reason
	Detail string // a sentence that "the canary: " may precede
}

// Error implements error.
func (r *Refusal) Error() string { return string(r.Reason) + ": " + r.Detail }

// refuse makes a Refusal.
func refuse(reason Reason, format string, arguments ...any) error {
	return &Refusal{reason, fmt.Sprintf(format, arguments...)}
}

// Newest is what is kept of the newest canary seen of a site. The zero Newest is
// of a site of which none was seen.
type Newest struct {
	Sequence        uint64
	Issued, Expires time.Time
	Digest          string // of all that was signed
}

// newest is what is kept of c.
func (c Canary) newest() Newest {
	sum := sha256.Sum256([]byte(c.message))
	return Newest{Sequence: c.Sequence, Issued: c.Issued, Expires: c.Expires, Digest: hex.EncodeToString(sum[:])}
}

// Expect is what a canary is held against.
type Expect struct {
	Site   string // that it must be for
	Now    time.Time
	Newest Newest // seen so far, under the same key
	// Lag is for how long after the newest was issued one before it still passes:
	// copies of a publication do not change at the same moment. Zero lets none pass.
	Lag time.Duration
}

// Verify reads a canary and judges it. The error is a [*Refusal].
func Verify(text string, key Key, e Expect) (Canary, error) {
	c, err := Parse(text)
	if err != nil {
		return Canary{}, err
	}
	switch {
	case !c.signedBy(key):
		return Canary{}, refuse(BadSignature, "it was signed with another key, or changed after it was signed")
	case c.Site != e.Site:
		return Canary{}, refuse(WrongSite, "it is for the site %q, not for %q", c.Site, e.Site)
	case c.Issued.After(e.Now.Add(skew)):
		return Canary{}, refuse(NotYet, "it is issued at %s, which is in the future: a clock is wrong", c.Issued.Format(time.RFC3339))
	case !e.Now.Before(c.Expires):
		return Canary{}, refuse(Expired, "it expired at %s", c.Expires.Format(time.RFC3339))
	}
	if err := e.rolledBack(c); err != nil {
		return Canary{}, err
	}
	return c, nil
}

// rolledBack refuses a canary that is behind, or beside, the newest seen.
func (e Expect) rolledBack(c Canary) error {
	switch seen := e.Newest; {
	case c.Sequence > seen.Sequence:
		return nil
	case c.Sequence == seen.Sequence:
		if c.newest().Digest == seen.Digest {
			return nil
		}
		return refuse(Rollback, "another text with its sequence, %d, was seen before", c.Sequence)
	case e.Now.Before(seen.Issued.Add(e.Lag)):
		return nil
	}
	return refuse(Rollback, "its sequence is %d, and %d was seen before", c.Sequence, e.Newest.Sequence)
}
