package mirrors

import "fmt"

// Reason says why a list was refused.
type Reason string

// The closed set of reasons, in the order in which they are looked for.
const (
	TooLong        Reason = "list_too_long"        // more bytes or entries than are read
	Malformed      Reason = "list_malformed"       // not a list
	UnknownVersion Reason = "list_unknown_version" // of a format that this build does not read
	Unsigned       Reason = "list_unsigned"        // what came beside it is no signature
	OtherKey       Reason = "list_other_key"       // signed with a key that is not one of the site's
	BadSignature   Reason = "list_bad_signature"   // changed after it was signed, or forged
	OtherSite      Reason = "list_other_site"      // of the key, but another publication's
	Future         Reason = "list_future"          // issued in the future, by more than 5 minutes
	Expired        Reason = "list_expired"         //
	Rollback       Reason = "list_rollback"        // older than the newest seen, or its version was seen with other content
)

// Reasons lists the closed set.
func Reasons() []Reason {
	return []Reason{TooLong, Malformed, UnknownVersion, Unsigned, OtherKey, BadSignature, OtherSite, Future, Expired, Rollback}
}

// Refusal is the error of a list that is not taken.
type Refusal struct {
	Reason Reason
	Detail string // a sentence that "the list: " may precede
}

// Error implements error.
func (r *Refusal) Error() string { return string(r.Reason) + ": " + r.Detail }

// refuse makes a Refusal.
func refuse(reason Reason, format string, arguments ...any) error {
	return &Refusal{reason, fmt.Sprintf(format, arguments...)}
}
