package main

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/probe"
)

// saying is how a conclusion speaks of a class: of what an address does ("192.0.2.7
// refuses connections"), or of what is the case there ("at 192.0.2.7 the TLS
// handshake is reset").
type saying struct {
	does, is string
}

// sayingOf says what was found at one address. It is pure.
func sayingOf(r probe.Result) saying {
	said := sayings()[r.Class]
	if c := r.Certificate; r.Class == health.TLSExpired && c != nil && c.NotAfter.Before(r.At) {
		said.is = "the certificate expired on " + c.NotAfter.UTC().Format("2006-01-02") + "; renew it"
	}
	switch detail := detailOf(r); {
	case said.does != "":
		said.does += detail
	case said.is != "":
		said.is += detail
	default:
		said.is = "it is " + string(r.Class) + ": " + r.Reason
	}
	return said
}

// sayings has one for each class.
func sayings() map[health.Class]saying {
	return map[health.Class]saying{
		health.OK: {does: "is well"},

		health.DNSError:     {is: "the resolver fails, refuses or answers garbage"},
		health.DNSTimeout:   {is: "no resolver answers in time"},
		health.DNSNotFound:  {is: "the name does not exist, says the only resolver that could be asked"},
		health.DNSNoAddress: {is: "the name exists, but has no address"},
		health.DNSNXDomain:  {is: "DNS says that the name does not exist, and control resolvers know it"},
		health.DNSBlocked:   {is: "DNS gives no address, and control resolvers do"},
		health.DNSPoisoned:  {is: "DNS gives a wrong address"},
		health.DNSInjected:  {is: "somebody on the way answers DNS questions, too"},
		health.DomainGone:   {is: "the name does not exist for anybody; its registration may have expired"},

		health.AddressForbidden: {is: "DNS leads to a private, reserved or own address, which is not connected to"},
		health.ConnectRefused:   {does: "refuses connections"},
		health.ConnectTimeout:   {does: "does not answer attempts to connect"},
		health.ConnectReset:     {does: "resets connections before anything is sent"},
		health.Unreachable:      {does: "cannot be routed to from here"},
		health.ViaFailed:        {is: "the proxy that the address is reached through does not answer, or refuses"},

		health.TLSReset:       {is: "the TLS handshake is reset"},
		health.TLSEOF:         {is: "the connection is closed during the TLS handshake"},
		health.TLSAlert:       {is: "the TLS handshake ends with an alert"},
		health.TLSTimeout:     {is: "the TLS handshake is not answered"},
		health.TLSResetSNI:    {is: "the TLS handshake is reset when the name is in it"},
		health.TLSTimeoutSNI:  {is: "the TLS handshake is not answered when the name is in it"},
		health.TLSNotTLS:      {does: "speaks plain HTTP, or nothing like TLS, on the TLS port"},
		health.TLSProtocol:    {is: "the TLS handshake finds no common ground, or what comes breaks it"},
		health.TLSUnknownCA:   {is: "the certificate is from an authority that nobody trusts, so somebody may be in between"},
		health.TLSWrongHost:   {is: "the certificate is for another name"},
		health.TLSExpired:     {is: "the certificate has expired or is not valid yet; renew it"},
		health.TLSCertificate: {is: "the certificate cannot be used"},
		health.TLSPinMismatch: {is: "the certificate has none of the pinned keys"},

		health.RequestReset:     {is: "the connection is reset after the request"},
		health.RequestEOF:       {is: "the connection is closed after the request"},
		health.FirstByteTimeout: {does: "does not answer the request in time"},
		health.Slow:             {does: "answers too slowly to be judged in time"},
		health.ProtocolError:    {does: "answers with what is no valid HTTP"},
		health.StreamReset:      {does: "ends the HTTP/2 stream"},
		health.HeaderTooLarge:   {does: "answers with too large a header"},

		health.ServerError:      {does: "answers with a server error"},
		health.StatusUnexpected: {does: "has no page there"},
		health.RedirectOffsite:  {does: "redirects off the publication"},
		health.RedirectLoop:     {does: "redirects in a circle, too far or nowhere"},
		health.Denied:           {does: "denies access, also to a browser's request"},
		health.RateLimited:      {does: "asks to be asked less often"},
		health.Challenge:        {does: "tests whether a person is asking, instead of answering"},
		health.Legal:            {does: "withholds the page for legal reasons"},
		health.LoopDetected:     {does: "leads back to an edge"},

		health.BodyTruncated:  {does: "breaks the page off before its end"},
		health.BodyUnfinished: {does: "sends a page that seems to lack its end"},
		health.BodyStalled:    {does: "stops in the middle of the page"},
		health.BodyStalled16K: {does: "stops after 12 to 36 KiB, where some networks freeze connections"},
		health.Throttled:      {does: "sends less than 4 KB/s"},

		health.BlockPage:        {does: "shows a block page"},
		health.Seized:           {is: "the domain shows a seizure banner"},
		health.Parked:           {is: "the domain shows a parking page"},
		health.ForeignType:      {does: "sends another type than was asked for"},
		health.IdentityMissing:  {does: "shows a page without the publication's text"},
		health.IdentityMismatch: {does: "shows a page that nothing proves to be the publication's"},
		health.CanaryInvalid:    {does: "has no canary of the publication"},
		health.CanaryStale:      {does: "has a canary that has expired, was rolled back or is of the future"},

		health.InternalError: {does: "was not looked at"},
	}
}

// detailOf is what an operator asks next: which status, which name, where to, since when.
func detailOf(r probe.Result) string {
	switch c := r.Certificate; r.Class {
	case health.ServerError, health.StatusUnexpected, health.Legal, health.Denied, health.RateLimited:
		if r.Status != 0 {
			return " (" + strconv.Itoa(r.Status) + ")"
		}
	case health.RedirectOffsite:
		if to, err := url.Parse(r.Location); err == nil && to.Host != "" {
			return ", to " + to.Host
		}
	case health.TLSWrongHost:
		if c != nil && len(c.Names) > 0 {
			return " (" + certificateNames(c.Names) + ")"
		}
	case health.TLSUnknownCA:
		if c != nil && c.Issuer != "" {
			return " (" + c.Issuer + ")"
		}
	case health.BlockPage, health.Seized, health.Parked:
		if c != nil {
			return " with a valid certificate"
		}
	case health.IdentityMissing, health.IdentityMismatch, health.CanaryInvalid:
		if c != nil {
			return ", although its certificate is valid"
		}
	case health.InternalError:
		if r.Reason != "" {
			return ": " + r.Reason
		}
	}
	return ""
}

// certificateNames are the first names of a certificate.
func certificateNames(names []string) string {
	const most = 3
	text := strings.Join(names[:min(len(names), most)], ", ")
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// at is the saying of these addresses, which are all that there are if whole.
func (s saying) at(addresses []string, whole bool) string {
	switch {
	case s.does != "" && whole && len(addresses) > 1:
		return "every address " + s.does
	case s.does != "" && len(addresses) > 1:
		return "each of " + enumerated(addresses) + " " + s.does
	case s.does != "":
		return enumerated(addresses) + " " + s.does
	case whole && len(addresses) > 1:
		return s.is + ", at every address"
	case whole:
		return s.is
	}
	return "at " + enumerated(addresses) + " " + s.is
}

// enumerated is a list as people say it, cut where nobody would read on.
func enumerated(list []string) string {
	const most = 4
	if more := len(list) - most; more > 0 {
		list = append(append([]string(nil), list[:most]...), strconv.Itoa(more)+" more")
	}
	switch n := len(list); n {
	case 0:
		return "it"
	case 1:
		return list[0]
	default:
		return strings.Join(list[:n-1], ", ") + " and " + list[n-1]
	}
}
