package health

// Class is what one observation found, out of a closed set: [Classes].
type Class string

// The closed set of classes. [Class.Meaning] says what each stands for.
const (
	OK Class = "ok"

	DNSError     Class = "dns_error"
	DNSTimeout   Class = "dns_timeout"
	DNSNotFound  Class = "dns_not_found"
	DNSNoAddress Class = "dns_no_address"
	DNSNXDomain  Class = "dns_nxdomain"
	DNSBlocked   Class = "dns_blocked"
	DNSPoisoned  Class = "dns_poisoned"
	DNSInjected  Class = "dns_injected"
	DomainGone   Class = "domain_gone"

	AddressForbidden Class = "address_forbidden"
	ConnectRefused   Class = "connect_refused"
	ConnectTimeout   Class = "connect_timeout"
	ConnectReset     Class = "connect_reset"
	Unreachable      Class = "unreachable"
	ViaFailed        Class = "via_failed"

	TLSReset       Class = "tls_reset"
	TLSEOF         Class = "tls_eof"
	TLSAlert       Class = "tls_alert"
	TLSTimeout     Class = "tls_timeout"
	TLSResetSNI    Class = "tls_reset_sni"
	TLSTimeoutSNI  Class = "tls_timeout_sni"
	TLSNotTLS      Class = "tls_not_tls"
	TLSProtocol    Class = "tls_protocol"
	TLSUnknownCA   Class = "tls_unknown_ca"
	TLSWrongHost   Class = "tls_wrong_host"
	TLSExpired     Class = "tls_expired"
	TLSCertificate Class = "tls_certificate"
	TLSPinMismatch Class = "tls_pin_mismatch"

	RequestReset     Class = "request_reset"
	RequestEOF       Class = "request_eof"
	FirstByteTimeout Class = "first_byte_timeout"
	Slow             Class = "slow"
	ProtocolError    Class = "protocol_error"
	StreamReset      Class = "http2_reset"
	HeaderTooLarge   Class = "header_too_large"

	ServerError      Class = "server_error"
	StatusUnexpected Class = "status_unexpected"
	RedirectOffsite  Class = "redirect_offsite"
	RedirectLoop     Class = "redirect_loop"
	Denied           Class = "denied"
	RateLimited      Class = "rate_limited"
	Challenge        Class = "challenge"
	Legal            Class = "legal_451"
	LoopDetected     Class = "loop"

	BodyTruncated  Class = "body_truncated"
	BodyUnfinished Class = "body_unfinished"
	BodyStalled    Class = "body_stalled"
	BodyStalled16K Class = "body_stalled_16k"
	Throttled      Class = "throttled"

	BlockPage        Class = "blockpage"
	Seized           Class = "seized"
	Parked           Class = "parked"
	ForeignType      Class = "foreign_type"
	IdentityMissing  Class = "identity_missing"
	IdentityMismatch Class = "identity_mismatch"
	CanaryInvalid    Class = "canary_invalid"
	CanaryStale      Class = "canary_stale"

	InternalError Class = "internal_error"
)

// kind is how hastily failures of a class make a verdict.
type kind uint8

const (
	fault  kind = iota // Policy.Fall in a row, Policy.Rise back
	wrong              // something else stands in the publication's place: once, and slowly back
	strain             // it answers, but badly: twice Policy.Fall
)

// fact is all that follows from a class.
type fact struct {
	class      Class
	proxyError string  // RFC 9209 §2.3
	falls      Verdict // what failures of the class end in
	kind       kind
	// network: a dead network of the edge's own ends looks like this too. That is
	// silence at any stage, and what this side's gateways and tunnels say for want of a way
	// on: no route, a closed port, an orderly end. It is not a reset after the
	// connection was made, which takes somebody alive on the way, nor what a
	// control resolver has contradicted.
	network bool
	// residual: who blocks like this goes on doing so for minutes after each
	// attempt, so that probing itself can keep the way closed.
	residual bool
	meaning  string
}

// facts is the one table of classes, in the order of the stages.
//
// What is well-formed and not the publication has no error type of its own in RFC 9209. Of
// the registered ones destination_unavailable says what the edge makes of it: it
// holds the next hop for unavailable. The destination was found
// (destination_not_found), the answer was HTTP (http_protocol_error), and it is not
// the one that the reader gets (proxy_internal_response).
var facts = [...]fact{
	{class: OK, meaning: "it answers, and nothing speaks against its being the publication"},

	{DNSError, "dns_error", Down, fault, true, false, "the resolver failed, refused or answered garbage, and no control resolver does better"},
	{DNSTimeout, "dns_timeout", Down, fault, true, false, "the resolver did not answer in time, nor did a control resolver"},
	{DNSNotFound, "dns_error", Down, fault, true, false, "the name does not exist, says the only resolver that could be asked"},
	{DNSNoAddress, "dns_error", Down, fault, true, false, "the name exists and has no address"},
	{DNSNXDomain, "dns_error", Blocked, fault, false, false, "the name is said not to exist here, while a control resolver knows it"},
	{DNSBlocked, "dns_error", Blocked, fault, false, false, "the resolver here has no answer or an empty one, while a control resolver has addresses"},
	{DNSPoisoned, "dns_error", Blocked, wrong, false, false, "the name leads to a wrong address here; control resolvers give others"},
	{DNSInjected, "dns_error", Blocked, fault, false, false, "somebody on the way answers DNS questions too"},
	{DomainGone, "dns_error", Down, fault, false, false, "the name does not exist for anybody: the registration may have expired"},

	{AddressForbidden, "destination_ip_prohibited", Blocked, fault, false, false, "DNS leads to a private, reserved or own address, which the edge does not connect to"},
	{ConnectRefused, "connection_refused", Down, fault, true, false, "the port is closed"},
	{ConnectTimeout, "connection_timeout", Down, fault, true, false, "attempts to connect are not answered"},
	{ConnectReset, "connection_terminated", Down, fault, false, true, "the connection is reset or closed before anything was sent"},
	{Unreachable, "destination_ip_unroutable", Down, fault, true, false, "there is no route to the address"},
	{ViaFailed, "destination_unavailable", Down, fault, true, false, "the proxy that the origin is reached through (via) does not answer or refuses"},

	{TLSReset, "connection_terminated", Blocked, fault, false, true, "the connection is reset after the ClientHello"},
	{TLSEOF, "connection_terminated", Down, fault, true, false, "the connection is closed after the ClientHello"},
	{TLSAlert, "tls_alert_received", Down, fault, false, false, "the handshake ends with an alert"},
	{TLSTimeout, "connection_timeout", Down, fault, true, true, "the ClientHello is not answered"},
	{TLSResetSNI, "connection_terminated", Blocked, fault, false, true, "the handshake is cut when this name is in it, and answered at the same address when another is"},
	{TLSTimeoutSNI, "connection_timeout", Blocked, fault, false, true, "the handshake is not answered when this name is in it, and answered at the same address when another is"},
	{TLSNotTLS, "tls_protocol_error", Blocked, wrong, false, false, "the TLS port speaks plain HTTP, or nothing like TLS"},
	{TLSProtocol, "tls_protocol_error", Down, fault, false, false, "the two sides find no common TLS, or what comes breaks it"},
	{TLSUnknownCA, "tls_certificate_error", Blocked, wrong, false, false, "the certificate is from an authority that nobody trusts: somebody may be in between"},
	{TLSWrongHost, "tls_certificate_error", Blocked, wrong, false, false, "the certificate is for another name"},
	{TLSExpired, "tls_certificate_error", Down, fault, false, false, "the certificate has expired or is not valid yet: renew it"},
	{TLSCertificate, "tls_certificate_error", Blocked, wrong, false, false, "the certificate cannot be used for another reason"},
	{TLSPinMismatch, "tls_certificate_error", Blocked, wrong, false, false, "the certificate is trusted, but its key is none of those that the configuration pins"},

	{RequestReset, "connection_terminated", Down, fault, false, true, "the connection is reset after the request"},
	{RequestEOF, "connection_terminated", Down, fault, true, false, "the connection is closed after the request"},
	{FirstByteTimeout, "http_response_timeout", Down, fault, true, false, "the request is not answered in time"},
	{Slow, "http_response_timeout", Down, strain, false, false, "the answer begins late, or comes so slowly that it cannot be judged in time"},
	{ProtocolError, "http_protocol_error", Down, fault, false, false, "the answer is not HTTP, or breaks its own coding"},
	{StreamReset, "http_protocol_error", Down, fault, false, false, "the HTTP/2 stream or connection was ended by the other side"},
	{HeaderTooLarge, "http_response_header_section_size", Down, fault, false, false, "the answer's header section is too large"},

	{ServerError, "destination_unavailable", Down, fault, false, false, "the answer is 5xx"},
	{StatusUnexpected, "destination_unavailable", Down, fault, false, false, "a probe got neither 2xx nor a redirect on the site"},
	{RedirectOffsite, "destination_unavailable", Blocked, wrong, false, false, "the answer redirects off the publication"},
	{RedirectLoop, "destination_unavailable", Down, fault, false, false, "redirects lead round in a circle, too far, or nowhere"},
	{Denied, "destination_unavailable", Down, strain, false, false, "403, also to a browser's request"},
	{RateLimited, "destination_unavailable", Down, strain, false, false, "429: the edge asks too often"},
	{Challenge, "destination_unavailable", Down, strain, false, false, "a test of whether the reader is a person stands before the pages"},
	{Legal, "destination_unavailable", Blocked, fault, false, false, "451: withheld for legal reasons"},
	{LoopDetected, "proxy_loop_detected", Down, fault, false, false, "the origin leads back to this edge"},

	{BodyTruncated, "http_response_incomplete", Down, fault, false, false, "the body ended before its declared end"},
	{BodyUnfinished, "http_response_incomplete", Down, fault, false, false, "the body had no declared end and seems to lack its own"},
	{BodyStalled, "connection_read_timeout", Down, fault, false, false, "the body stopped coming"},
	{BodyStalled16K, "connection_read_timeout", Blocked, fault, false, true, "the body stopped coming between 12 and 36 KiB, where some networks freeze connections"},
	{Throttled, "connection_read_timeout", Down, strain, false, false, "the body comes at less than 4 KB/s"},

	{BlockPage, "destination_unavailable", Blocked, wrong, false, false, "a notice that access is not wanted"},
	{Seized, "destination_unavailable", Hijacked, wrong, false, false, "the banner of whoever took the domain"},
	{Parked, "destination_unavailable", Hijacked, wrong, false, false, "a domain for sale, expired, or full of advertisements"},
	{ForeignType, "destination_unavailable", Down, strain, false, false, "a page came where a script, a style sheet or an image was asked for"},
	{IdentityMissing, "destination_unavailable", Hijacked, wrong, false, false, "the page lacks the text that each of the publication's pages contains"},
	{IdentityMismatch, "destination_unavailable", Blocked, wrong, false, false, "nothing proves the page, and it is not like those that passed before"},
	{CanaryInvalid, "destination_unavailable", Hijacked, wrong, false, false, "no canary, or one that proves nothing: another key's, another site's"},
	{CanaryStale, "destination_unavailable", Hijacked, wrong, false, false, "the site's canary, but expired, rolled back or of the future"},

	{InternalError, "proxy_internal_error", Down, fault, false, false, "the edge's own mistake; it counts against nobody"},
}

// Classes lists the closed set, in the order of the stages, for metrics that must
// exist at zero.
func Classes() []Class {
	classes := make([]Class, len(facts))
	for i := range facts {
		classes[i] = facts[i].class
	}
	return classes
}

// Meaning says in words what the class stands for; empty outside the closed set.
func (c Class) Meaning() string { return c.fact().meaning }

// Verdict is what failures of this class end in; empty for OK.
func (c Class) Verdict() Verdict { return c.fact().falls }

// Foreign reports whether the class says that an answer came and was not the publication's.
func (c Class) Foreign() bool {
	switch c {
	case RedirectOffsite, Challenge, Legal, BlockPage, Seized, Parked, ForeignType,
		IdentityMissing, IdentityMismatch, CanaryInvalid, CanaryStale:
		return true
	}
	return false
}

// ProxyError is the RFC 9209 §2.3 error type that stands for the class in
// Proxy-Status and in metrics; empty for OK.
func (c Class) ProxyError() string { return c.fact().proxyError }

// network reports whether a look of this class may have ended in the edge's own network.
func (c Class) network() bool { return c.fact().network }

// residual reports whether who blocks like this is likely to go on because of each attempt.
func (c Class) residual() bool { return c.fact().residual }

// kind is how hastily failures of the class make a verdict.
func (c Class) kind() kind { return c.fact().kind }

// rise is how many good probes in a row bring back an origin that fell by the class.
func (c Class) rise(p Policy) int {
	if c.kind() == wrong {
		return max(p.Rise, slowRise)
	}
	return p.Rise
}

// fact finds the class in the table; what is not in it is a fault that ends in Down.
func (c Class) fact() *fact {
	for i := range facts {
		if facts[i].class == c {
			return &facts[i]
		}
	}
	return &fact{falls: Down}
}
