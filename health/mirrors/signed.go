package mirrors

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

const (
	// MaxSigned is how long a signed list may be.
	MaxSigned = 256 << 10
	// MaxAddresses is how many addresses a signed list may have.
	MaxAddresses = 1000

	// signedFormat is the version of the list's shape.
	signedFormat = 1
	// maxVersion is the highest that every reader of JSON takes for a whole number
	// (RFC 8259 §6).
	maxVersion = 1<<53 - 1
	maxName    = 253 // bytes of a site's name, as of a host's
)

// Signed is what a signed list says.
type Signed struct {
	Site      string    `json:"site"`
	Version   uint64    `json:"version"` // from 1 on
	Issued    time.Time `json:"issued"`
	Expires   time.Time `json:"expires"`
	Addresses []string  `json:"addresses"` // each once, in one form, in the order of the list
}

// signedText is the list as it is written.
type signedText struct {
	Format    int              `json:"heliograph_list"`
	Site      string           `json:"site"`
	Version   uint64           `json:"version"`
	Issued    time.Time        `json:"issued"`
	Expires   time.Time        `json:"expires"`
	Addresses *[]signedAddress `json:"addresses"`
}

// signedAddress is one address as it is written.
type signedAddress struct {
	URL string `json:"url"`
}

// parseSigned reads a signed list without judging it. The error is a [*Refusal].
func parseSigned(text []byte) (Signed, error) {
	var raw signedText
	reader := json.NewDecoder(bytes.NewReader(text))
	if err := reader.Decode(&raw); err != nil {
		return Signed{}, refuse(Malformed, "it is not JSON of the shape of a signed list: %s", shown(err.Error()))
	}
	if _, err := reader.Token(); err != io.EOF {
		return Signed{}, refuse(Malformed, "something follows the list")
	}
	switch {
	case raw.Format == 0:
		return Signed{}, refuse(Malformed, "it has no field heliograph_list, which says the version of its shape")
	case raw.Format != signedFormat:
		return Signed{}, refuse(UnknownVersion, "heliograph_list is %d, and this build reads %d", raw.Format, signedFormat)
	case !validSite(raw.Site):
		return Signed{}, refuse(Malformed, "%q is not the name of a site", shown(raw.Site))
	case raw.Version == 0 || raw.Version > maxVersion:
		return Signed{}, refuse(Malformed, "its version is not a whole number from 1 on")
	case !raw.Expires.After(raw.Issued) || raw.Issued.IsZero():
		return Signed{}, refuse(Malformed, "it is not issued before it expires")
	case raw.Addresses == nil:
		return Signed{}, refuse(Malformed, "it has no field addresses; a list that takes all back has an empty one")
	case len(*raw.Addresses) > MaxAddresses:
		return Signed{}, refuse(TooLong, "it has more than %d addresses", MaxAddresses)
	}
	list := Signed{Site: raw.Site, Version: raw.Version, Issued: raw.Issued.UTC(), Expires: raw.Expires.UTC(), Addresses: []string{}}
	seen := map[string]bool{}
	for i, a := range *raw.Addresses {
		address, flaw := ReadAddress(a.URL, "https")
		if flaw == "" && seen[address.URL] {
			flaw = Duplicate
		}
		if flaw != "" {
			return Signed{}, refuse(Malformed, "address %d %q %s: correct it and sign the list again", i+1, shown(a.URL), flaw.Meaning())
		}
		seen[address.URL] = true
		list.Addresses = append(list.Addresses, address.URL)
	}
	return list, nil
}

// validSite reports whether name can be a site's: the same that a configuration accepts.
func validSite(name string) bool {
	return name != "" && len(name) <= maxName && name[0] != '-' && name[0] != '.' &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == ""
}

// String is the list in a line, for an operator.
func (l Signed) String() string {
	return fmt.Sprintf("list %d of %s, %d addresses, until %s", l.Version, l.Site, len(l.Addresses), l.Expires.Format(time.RFC3339))
}
