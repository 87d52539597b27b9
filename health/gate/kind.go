package gate

import "github.com/heliograph-edge/heliograph/health"

// Kind is what an answer was found to be.
type Kind uint8

// The closed set of kinds.
const (
	// Unknown: nothing proves the answer and nothing speaks against it.
	Unknown Kind = iota
	// Genuine: the publication's own.
	Genuine
	// BlockPage: a notice that access is not wanted, from a network, a filter or a court.
	BlockPage
	// Seized: the banner of whoever took the domain.
	Seized
	// Parked: a domain for sale, expired, or full of advertisements.
	Parked
	// Challenge: a test of whether the reader is a person.
	Challenge
	// Denied: 403 without the publication's identity, as robots are given it.
	Denied
	// RateLimited: 429.
	RateLimited
	// Legal: 451.
	Legal
	// ForeignType: HTML where a script, a style sheet or an image was asked for, or the reverse.
	ForeignType
	// Mismatch: a page that is not like the publication.
	Mismatch
	kinds
)

// String is the kind's word in logs, metrics and configuration.
func (k Kind) String() string {
	if k >= kinds {
		return "unknown"
	}
	return [kinds]string{"unknown", "genuine", "blockpage", "seized", "parked", "challenge", "denied", "rate_limited", "legal_451", "foreign_type", "mismatch"}[k]
}

// MarshalText writes the kind's word.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Foreign reports whether the answer must be neither shown nor stored as the page.
func (k Kind) Foreign() bool { return k != Unknown && k != Genuine && k < kinds }

// Kinds lists every kind, for whoever needs each of them to exist from the start.
func Kinds() []Kind {
	all := make([]Kind, 0, kinds)
	for k := range kinds {
		all = append(all, k)
	}
	return all
}

// Confidence is how much speaks for a finding.
type Confidence uint8

// The degrees of confidence.
const (
	// Low: one sign, or none.
	Low Confidence = iota
	// Medium: a sign and wording, or two signs.
	Medium
	// High: a proof, a status or header that leaves no doubt, or three signs.
	High
)

// String is the confidence in a word.
func (c Confidence) String() string {
	switch c {
	case Low:
		return "low"
	case Medium:
		return "medium"
	}
	return "high"
}

// MarshalText writes the confidence's word.
func (c Confidence) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Finding is a judgement.
type Finding struct {
	Kind       Kind
	Confidence Confidence
	// Fingerprint is the name of the one that was believed, if any was.
	Fingerprint string
	// Evidence is in words, strongest first. It is there when Kind is foreign, or
	// when Known.Explain asked for it.
	Evidence []string
	// unlike: nothing but the want of likeness speaks against the page.
	unlike bool
}

// MerelyUnlike reports whether nothing speaks against the page but that it is not like
// those that are known: no marker is missing and no wording was believed. Any site has
// such pages, so this is a reason to ask elsewhere and none to accuse.
func (f Finding) MerelyUnlike() bool { return f.unlike }

// Class is what health makes of the kind; health.OK for what is no objection.
func (k Kind) Class() health.Class {
	switch k {
	case BlockPage:
		return health.BlockPage
	case Seized:
		return health.Seized
	case Parked:
		return health.Parked
	case Challenge:
		return health.Challenge
	case Denied:
		return health.Denied
	case RateLimited:
		return health.RateLimited
	case Legal:
		return health.Legal
	case ForeignType:
		return health.ForeignType
	case Mismatch:
		return health.IdentityMismatch
	}
	return health.OK
}
