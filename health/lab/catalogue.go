package lab

// traits are what the switch must know of a fault before it acts.
type traits struct {
	fault       Fault
	stage       Stage
	also        []string // what people type for it
	tls         bool     // an origin without TLS cannot show it
	byName      bool     // acts only on those who have the origin's own name in their ClientHello
	cuts        bool     // closes the open connections when it begins and when it ends
	spread      bool     // needs a loopback address for each origin
	edge        bool     // needs to know where the edge is: [Lab.SetEdge]
	description string
}

// catalogue lists the faults from the outermost layer to the innermost.
var catalogue = [...]traits{
	{fault: DNSNXDomain, stage: StageResolve, also: []string{"nxdomain"}, description: "the local nameserver says that the name does not exist"},
	{fault: DNSEmpty, stage: StageResolve, also: []string{"nodata", "dns-nodata"}, description: "the local nameserver knows no address of the name"},
	{fault: DomainGone, stage: StageResolve, also: []string{"gone"}, description: "no nameserver knows the name any more"},
	{fault: DNSBogon, stage: StageResolve, also: []string{"bogon"}, description: "the local nameserver gives a private address, 10.10.34.34"},
	{fault: DNSLoopback, stage: StageResolve, also: []string{"dns-edge", "dns-loopback-edge"}, description: "the local nameserver gives the edge's own address"},
	{fault: DNSMetadata, stage: StageResolve, also: []string{"metadata"}, description: "the local nameserver gives a metadata service's 169.254.169.254"},
	{fault: DNSBlockPage, stage: StageResolve, also: []string{"dns-blockpage"}, spread: true, description: "the local nameserver gives the address of a block-page server"},
	{fault: DNSInjected, stage: StageResolve, also: []string{"injected", "dns-forged"}, description: "a forged DNS answer comes first, the true one 30 ms later"},
	{fault: DNSServFail, stage: StageResolve, also: []string{"servfail"}, description: "the local nameserver answers SERVFAIL"},
	{fault: DNSRefused, stage: StageResolve, description: "the local nameserver answers REFUSED"},
	{fault: DNSSilent, stage: StageResolve, also: []string{"dns-silence", "dns-timeout"}, description: "the local nameserver does not answer"},
	{fault: DNSGarbage, stage: StageResolve, also: []string{"dns-nonsense"}, description: "the local nameserver answers noise"},
	{fault: DNSOneDead, stage: StageResolve, also: []string{"one-dead"}, spread: true, description: "the name has three addresses, and the first one is dead"},

	{fault: Down, stage: StageConnect, also: []string{"killed", "refused"}, cuts: true, description: "the port is closed: connections are refused"},
	{fault: Blackhole, stage: StageConnect, cuts: true, description: "connection attempts are dropped without an answer"},
	{fault: Reset, stage: StageConnect, also: []string{"rst"}, cuts: true, description: "connections are reset as soon as they are accepted"},
	{fault: Flap, stage: StageConnect, also: []string{"flapping"}, cuts: true, description: "connections are reset for 2 s, let through for 2 s, and so on"},
	{fault: Residual, stage: StageConnect, also: []string{"residual-block"}, cuts: true, description: "connections are reset until nobody has tried for 180 s"},

	{fault: TLSReset, stage: StageHandshake, tls: true, cuts: true, description: "connections are reset once a ClientHello has been read"},
	{fault: ResetSNI, stage: StageHandshake, also: []string{"tls-reset-sni", "sni"}, tls: true, byName: true, cuts: true, description: "connections are reset when the ClientHello has the origin's name"},
	{fault: TLSEOF, stage: StageHandshake, tls: true, cuts: true, description: "connections are closed once a ClientHello has been read"},
	{fault: EOFSNI, stage: StageHandshake, also: []string{"tls-eof-sni"}, tls: true, byName: true, cuts: true, description: "connections are closed when the ClientHello has the origin's name"},
	{fault: TLSAlert, stage: StageHandshake, also: []string{"alert"}, tls: true, cuts: true, description: "the ClientHello is answered with the alert handshake_failure"},
	{fault: TLSSilence, stage: StageHandshake, also: []string{"tls-timeout"}, tls: true, cuts: true, description: "the ClientHello is never answered"},
	{fault: SilenceSNI, stage: StageHandshake, also: []string{"tls-timeout-sni"}, tls: true, byName: true, cuts: true, description: "the ClientHello is never answered when it has the origin's name"},
	{fault: FloodHandshake, stage: StageHandshake, also: []string{"flood"}, tls: true, cuts: true, description: "the ClientHello is answered with 16 MiB of handshake"},
	{fault: WrongName, stage: StageHandshake, also: []string{"wrong-certificate", "wrong-cert", "wrong-host"}, tls: true, cuts: true, description: "the certificate is for another name, from the same authority"},
	{fault: UnknownCA, stage: StageHandshake, also: []string{"mitm"}, tls: true, cuts: true, description: "the certificate has the right name, of an authority nobody trusts"},
	{fault: Expired, stage: StageHandshake, also: []string{"tls-expired"}, tls: true, cuts: true, description: "the certificate expired yesterday"},
	{fault: PlainOnTLS, stage: StageHandshake, also: []string{"not-tls", "tls-not-tls"}, tls: true, cuts: true, description: "the TLS port answers with a block page in plain HTTP"},

	{fault: ResetRequest, stage: StageRequest, also: []string{"request-reset"}, description: "connections are reset once a request has been read"},
	{fault: EOFRequest, stage: StageRequest, also: []string{"request-eof"}, description: "connections are closed once a request has been read"},
	{fault: Silence, stage: StageRequest, also: []string{"silent", "silence-request", "hang"}, description: "requests are never answered"},
	{fault: Slow, stage: StageRequest, also: []string{"slow-first-byte", "latency"}, description: "every answer begins late"},
	{fault: Garbage, stage: StageRequest, description: "the answer is not HTTP"},
	{fault: EndlessHeaders, stage: StageRequest, cuts: true, description: "the header section of the answer never ends"},
	{fault: Loop, stage: StageRequest, edge: true, description: "every request is forwarded back to the edge"},
	{fault: Error500, stage: StageRequest, also: []string{"500", "error-500"}, description: "every answer is 500 Internal Server Error"},
	{fault: Error503, stage: StageRequest, also: []string{"503", "error-503"}, description: "every answer is 503 Service Unavailable"},
	{fault: Denied, stage: StageRequest, also: []string{"403"}, description: "every answer is 403 Forbidden"},
	{fault: Bot403, stage: StageRequest, also: []string{"bot403", "bots"}, description: "403 for HEAD and for whoever does not look like a browser"},
	{fault: Challenge, stage: StageRequest, also: []string{"captcha"}, description: "every page is 403 with a test of whether the reader is a person"},
	{fault: RateLimit, stage: StageRequest, also: []string{"429", "rate-limited", "ratelimit"}, description: "every answer is 429 and asks for 30 s of peace"},
	{fault: Legal451, stage: StageRequest, also: []string{"451", "legal"}, description: "every answer is 451 and names who has it blocked"},
	{fault: RedirectOff, stage: StageRequest, also: []string{"redirect", "redirect-offsite"}, description: "every path redirects to a host that is not the newspaper's"},
	{fault: RedirectLoop, stage: StageRequest, description: "every path redirects in a circle"},
	{fault: RedirectChain, stage: StageRequest, description: "every path redirects twelve times before there is a page"},
	{fault: RedirectBroken, stage: StageRequest, description: "every path redirects to an address without a host"},
	{fault: RedirectScheme, stage: StageRequest, also: []string{"redirect-https"}, tls: true, cuts: true, description: "plain HTTP on the port is redirected to https, as it should be"},
	{fault: RedirectApex, stage: StageRequest, also: []string{"apex", "redirect-www"}, description: "every path redirects to the name with or without www, as is usual"},
	{fault: RedirectLocale, stage: StageRequest, also: []string{"locale"}, description: "every page redirects to its path under /en, as is usual"},

	{fault: SlowBody, stage: StageBody, description: "bodies drip, a few bytes at a time"},
	{fault: Throttle, stage: StageBody, also: []string{"throttled"}, cuts: true, description: "bodies come at 4 kB/s"},
	{fault: Freeze, stage: StageBody, also: []string{"freeze16k", "freeze-16k", "stall"}, description: "bodies stop coming after 16 KiB, or half way through a shorter one"},
	{fault: ResetBody, stage: StageBody, description: "connections are reset half way through a body"},
	{fault: Truncate, stage: StageBody, also: []string{"truncated"}, description: "bodies are cut half way to their declared length"},
	{fault: TruncateChunked, stage: StageBody, description: "chunked bodies are cut half way, without the last chunk"},
	{fault: TruncateClose, stage: StageBody, description: "pages end with the connection, half way and without a sign"},
	{fault: TruncateGzip, stage: StageBody, description: "compressed pages are cut half way, and declared to be so long"},
	{fault: H2Reset, stage: StageBody, also: []string{"http2-reset"}, tls: true, cuts: true, description: "HTTP/2 is offered and its streams are reset; HTTP/1.1 is well"},
	{fault: EndlessBody, stage: StageBody, also: []string{"endless"}, cuts: true, description: "pages begin well and never end"},
	{fault: GzipBomb, stage: StageBody, also: []string{"bomb"}, description: "pages of 1 MiB unpack to 1 GiB"},

	{fault: BlockPage, stage: StageIdentity, also: []string{"blockpage"}, description: "every path answers 200 with a provider's block page"},
	{fault: BlockPageUnknown, stage: StageIdentity, also: []string{"unknown-block-page", "unknown"}, description: "every path answers 200 with a block page worded like no other"},
	{fault: Seized, stage: StageIdentity, also: []string{"hijacked", "seizure"}, description: "every path answers 200 with a seizure banner"},
	{fault: Parked, stage: StageIdentity, also: []string{"parking"}, description: "every path answers 200 with a parking page"},
	{fault: FreshServer, stage: StageIdentity, also: []string{"fresh"}, description: "a web server that was just installed: a welcome, nothing else"},
	{fault: Empty200, stage: StageIdentity, also: []string{"empty"}, description: "every path answers 200 with nothing"},
	{fault: ScriptAsHTML, stage: StageIdentity, also: []string{"script-html"}, description: "a block page in place of scripts and styles; pages are well"},
	{fault: Redesign, stage: StageIdentity, description: "the newspaper's own pages in a new design, three times as long"},
	{fault: CopySite, stage: StageIdentity, also: []string{"copy"}, description: "a copy of the newspaper with a foreign script and an old canary"},
	{fault: CanaryStale, stage: StageIdentity, description: "the canary expired yesterday"},
	{fault: CanaryOtherKey, stage: StageIdentity, description: "the canary is signed with another key"},
	{fault: CanaryRollback, stage: StageIdentity, description: "the canary is an earlier one"},
}
