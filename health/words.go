package health

import "time"

// ID names one origin of one site. Origin is the origin's name as configured
// (its URL unless the operator gave another).
type ID struct {
	Site   string
	Origin string
}

// Verdict is what an origin counts as after many observations.
type Verdict string

// The closed set of verdicts.
const (
	// Unknown: nothing has been seen yet. Readers are sent there in order:
	// an edge that has just started must serve.
	Unknown Verdict = "unknown"
	// Healthy: answers, and is the publication.
	Healthy Verdict = "healthy"
	// Suspect: it failed lately, but fewer times than Policy.Fall.
	Suspect Verdict = "suspect"
	// Blocked: something between here and the origin interferes.
	Blocked Verdict = "blocked"
	// Down: it does not answer, or answers with errors.
	Down Verdict = "down"
	// Hijacked: it answers, but not with the publication.
	Hijacked Verdict = "hijacked"
	// Probation: it answers again after Blocked, Down or Hijacked, but fewer
	// times than Policy.Rise.
	Probation Verdict = "probation"
	// Drained: the operator took it out of use.
	Drained Verdict = "drained"
)

// Verdicts lists the closed set, for metrics that must exist at zero.
func Verdicts() []Verdict {
	return []Verdict{Unknown, Healthy, Suspect, Blocked, Down, Hijacked, Probation, Drained}
}

// Usable reports whether readers' requests may go to an origin with this verdict.
func (v Verdict) Usable() bool { return v == Unknown || v == Healthy || v == Suspect }

// Stage is the step of a probe or request at which something was found.
type Stage string

// The stages, in their order.
const (
	StageResolve   Stage = "resolve"
	StageConnect   Stage = "connect"
	StageHandshake Stage = "handshake"
	StageRequest   Stage = "request" // until the first byte of the answer
	StageBody      Stage = "body"
	StageIdentity  Stage = "identity"
)

// Stages lists the closed set in order.
func Stages() []Stage {
	return []Stage{StageResolve, StageConnect, StageHandshake, StageRequest, StageBody, StageIdentity}
}

// Class is what one observation found.
type Class string

// The closed set of classes. Each maps to one RFC 9209 error type, see [Class.ProxyError].
const (
	OK               Class = "ok"
	DNSError         Class = "dns_error"          // SERVFAIL, refused, garbage
	DNSNotFound      Class = "dns_not_found"      // NXDOMAIN or no address
	DNSTimeout       Class = "dns_timeout"        //
	ConnectRefused   Class = "connect_refused"    //
	ConnectTimeout   Class = "connect_timeout"    //
	ConnectReset     Class = "connect_reset"      // reset or closed before TLS or the request began
	Unreachable      Class = "unreachable"        // no route to host or network
	AddressForbidden Class = "address_forbidden"  // an address this edge must not connect to
	TLSReset         Class = "tls_reset"          // reset or closed during the handshake
	TLSTimeout       Class = "tls_timeout"        //
	TLSProtocol      Class = "tls_protocol"       // an alert, or no TLS at all on the port
	TLSCertificate   Class = "tls_certificate"    // unknown authority, wrong name, expired
	RequestReset     Class = "request_reset"      // reset or closed before the first byte of the answer
	FirstByteTimeout Class = "first_byte_timeout" //
	ProtocolError    Class = "protocol_error"     // the answer is not HTTP
	HeaderTooLarge   Class = "header_too_large"   //
	ServerError      Class = "server_error"       // 5xx
	StatusUnexpected Class = "status_unexpected"  // a probe got neither 2xx nor a redirect on the site
	Redirected       Class = "redirected"         // a redirect off the publication
	BodyTruncated    Class = "body_truncated"     // shorter than declared, or reset inside
	BodyTimeout      Class = "body_timeout"       // the body stopped coming
	IdentityMissing  Class = "identity_missing"   // an answer without the site's identity
	CanaryInvalid    Class = "canary_invalid"     // no canary, or one that proves nothing: another key's, another site's
	CanaryStale      Class = "canary_stale"       // the site's canary, but expired, rolled back or of the future
	LoopDetected     Class = "loop"               // the origin is this edge
	InternalError    Class = "internal_error"     // the edge's own mistake
)

// Classes lists the closed set, for metrics that must exist at zero.
func Classes() []Class {
	return []Class{
		OK, DNSError, DNSNotFound, DNSTimeout, ConnectRefused, ConnectTimeout, ConnectReset, Unreachable,
		AddressForbidden, TLSReset, TLSTimeout, TLSProtocol, TLSCertificate, RequestReset, FirstByteTimeout,
		ProtocolError, HeaderTooLarge, ServerError, StatusUnexpected, Redirected, BodyTruncated, BodyTimeout,
		IdentityMissing, CanaryInvalid, CanaryStale, LoopDetected, InternalError,
	}
}

// ProxyError is the RFC 9209 §2.3 error type that stands for the class in
// Proxy-Status and in metrics; empty for OK.
func (c Class) ProxyError() string { return proxyErrors[c] }

// proxyErrors is the one table from our words to RFC 9209's.
//
// IdentityMissing and Redirected have no type of their own. Of the registered ones
// destination_unavailable says what the edge makes of them: it holds the next hop for
// unavailable. The destination was found (destination_not_found), the answer was
// well-formed (http_protocol_error), and it is not the one that the reader gets
// (proxy_internal_response).
var proxyErrors = map[Class]string{
	DNSError:         "dns_error",
	DNSNotFound:      "dns_error",
	DNSTimeout:       "dns_timeout",
	ConnectRefused:   "connection_refused",
	ConnectTimeout:   "connection_timeout",
	ConnectReset:     "connection_terminated",
	Unreachable:      "destination_ip_unroutable",
	AddressForbidden: "destination_ip_prohibited",
	TLSReset:         "connection_terminated",
	TLSTimeout:       "connection_timeout",
	TLSProtocol:      "tls_protocol_error",
	TLSCertificate:   "tls_certificate_error",
	RequestReset:     "connection_terminated",
	FirstByteTimeout: "http_response_timeout",
	ProtocolError:    "http_protocol_error",
	HeaderTooLarge:   "http_response_header_section_size",
	ServerError:      "destination_unavailable",
	StatusUnexpected: "destination_unavailable",
	Redirected:       "destination_unavailable",
	BodyTruncated:    "http_response_incomplete",
	BodyTimeout:      "connection_read_timeout",
	IdentityMissing:  "destination_unavailable",
	CanaryInvalid:    "destination_unavailable",
	CanaryStale:      "destination_unavailable",
	LoopDetected:     "proxy_loop_detected",
	InternalError:    "proxy_internal_error",
}

// Timings are the durations of a probe's stages. A stage that was not reached is zero.
type Timings struct {
	Resolve   time.Duration `json:"resolve"`
	Connect   time.Duration `json:"connect"`
	Handshake time.Duration `json:"handshake"`
	FirstByte time.Duration `json:"first_byte"`
	Body      time.Duration `json:"body"`
}

// Total is the sum of all stages.
func (t Timings) Total() time.Duration {
	return t.Resolve + t.Connect + t.Handshake + t.FirstByte + t.Body
}

// Observation is one look at an origin: a probe, or a reader's request.
type Observation struct {
	At      time.Time
	Live    bool  // a reader's request rather than a probe
	Class   Class // OK, or what was found
	Stage   Stage // where it was found; empty for OK
	Reason  string
	Status  int     // of the answer; 0 without one
	Address string  // the address connected to; empty when none was
	Timings Timings // zero for live requests, except FirstByte
	// NotAfter is when the certificate ends that the origin presented to a probe,
	// believed or not; zero without one.
	NotAfter time.Time
}

// OK reports whether the look was good.
func (o Observation) OK() bool { return o.Class == OK }
