package mirrors

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// skew is how far a signer's clock may be ahead of ours.
const skew = 5 * time.Minute

// Seen is the newest list that was accepted of a site. It is JSON to be kept over a
// restart: losing it lets one roll back, to a list that has not expired. One with
// nothing but its Site is that of a site of which no list was seen.
type Seen struct {
	Signed
	Digest string `json:"digest"` // of the list's bytes
}

// Current reports whether the addresses count: a list was seen and has not expired.
func (s Seen) Current(now time.Time) bool { return s.Version > 0 && now.Before(s.Expires) }

// Accept judges a list, under a detached signature of minisign over its exact bytes,
// for the site of newest. It returns the newest list from now on: this one, or where
// it is refused, with a [*Refusal], the one before. Keys are those that the site's
// lists may be signed with; a new one beside the old lets a site change its key.
func Accept(newest Seen, list, minisig []byte, keys []Key, now time.Time) (Seen, error) {
	if len(list) > MaxSigned {
		return newest, refuse(TooLong, "it has more than %d bytes", MaxSigned)
	}
	if err := verified(list, minisig, keys); err != nil {
		return newest, err
	}
	signed, err := parseSigned(list)
	if err != nil {
		return newest, err
	}
	sum := sha256.Sum256(list)
	seen := Seen{signed, hex.EncodeToString(sum[:])}
	switch {
	case seen.Site != newest.Site:
		return newest, refuse(OtherSite, "it is for the site %q, not for %q", seen.Site, newest.Site)
	case seen.Issued.After(now.Add(skew)):
		return newest, refuse(Future, "it is issued at %s, which is in the future: a clock is wrong", seen.Issued.Format(time.RFC3339))
	case !now.Before(seen.Expires):
		return newest, refuse(Expired, "it expired at %s: sign a new one, or look for who shows an old one", seen.Expires.Format(time.RFC3339))
	case seen.Version < newest.Version:
		return newest, refuse(Rollback, "its version is %d, and %d was seen before", seen.Version, newest.Version)
	case seen.Version == newest.Version && seen.Digest != newest.Digest:
		return newest, refuse(Rollback, "another list with its version, %d, was seen before: each needs a higher one", seen.Version)
	}
	return seen, nil
}

// verified refuses a list that none of the keys signed.
func verified(list, minisig []byte, keys []Key) error {
	s, err := parseSignature(minisig)
	if err != nil {
		return refuse(Unsigned, "the signature beside it %s", err)
	}
	known := false
	var names []string
	for _, key := range keys {
		if s.by(key, list) {
			return nil
		}
		known = known || key.point != "" && key.id == s.id
		names = append(names, key.ID())
	}
	switch {
	case known:
		return refuse(BadSignature, "it was changed after it was signed, or the signature beside it is of another list")
	case len(names) == 0:
		return refuse(OtherKey, "it is signed with the key %s, and the site has no key to hold it against", idText(s.id))
	}
	return refuse(OtherKey, "it is signed with the key %s, and the site's are: %s", idText(s.id), strings.Join(names, ", "))
}
