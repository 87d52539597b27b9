package origin

import (
	"errors"

	"github.com/heliograph-edge/heliograph/health"
)

const (
	// inspectLimit is how much of a page is searched for the site's identity, and
	// so how far the first byte to the reader can be held back. The largest block
	// page known to us has 99 KB.
	inspectLimit = 256 << 10
	// rawLimit is how much is read for that. Compressed text is no longer than
	// plain text by more than this; only what is made to fill memory is.
	rawLimit = inspectLimit + 4<<10
	// sniffed is how much net/http looks at to tell a type, and enough for other types.
	sniffed = 512
)

// beginning is the first part of a body, without its content coding.
type beginning struct {
	text  []byte
	whole bool // the body ends where text ends
}

// errNoIdentity says that a page was read without finding the site's identity.
var errNoIdentity = errors.New("the page does not contain the site's identity text")

// bodyFinding says what a body that broke off after some bytes means.
func bodyFinding(err error, after int) finding {
	class := health.Classify(err, health.StageBody)
	if class == health.BodyStalled {
		class = stalledAt(int64(after))
	}
	return finding{class: class, stage: health.StageBody, reason: err.Error()}
}

// stalledAt is the class of a body that stopped coming after some bytes. Between 12 and
// 36 KiB is where some networks freeze connections.
func stalledAt(offset int64) health.Class {
	if offset >= 12<<10 && offset <= 36<<10 {
		return health.BodyStalled16K
	}
	return health.BodyStalled
}
