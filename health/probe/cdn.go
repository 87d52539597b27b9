package probe

import (
	"net/http"
	"strings"
)

// cdnSign is one way in which a network in front of origins shows in an answer's header.
type cdnSign struct {
	field string // in canonical form
	value string // that the field contains, in lower case; empty where the field is enough
	cdn   string
}

// cdnSigns lists the networks that are told apart, with their signs. A server may
// claim any of this: it is used only to guess which origins fail together.
var cdnSigns = [...]cdnSign{
	{"Server", "cloudflare", "cloudflare"}, {"Cf-Ray", "", "cloudflare"},
	{"X-Amz-Cf-Id", "", "cloudfront"}, {"Via", "cloudfront", "cloudfront"},
	{"X-Fastly-Request-Id", "", "fastly"}, {"X-Served-By", "cache-", "fastly"}, {"Server", "fastly", "fastly"},
	{"Server", "akamai", "akamai"}, {"X-Akamai-Transformed", "", "akamai"}, {"Akamai-Grn", "", "akamai"}, {"X-Akamai-Request-Id", "", "akamai"},
	{"Server", "bunnycdn", "bunny"}, {"Cdn-Pullzone", "", "bunny"},
	{"X-Iinfo", "", "imperva"}, {"X-Cdn", "incapsula", "imperva"}, {"X-Cdn", "imperva", "imperva"},
	{"Server", "ddos-guard", "ddos-guard"}, {"Server", "qrator", "qrator"},
	{"X-Sucuri-Id", "", "sucuri"}, {"Server", "sucuri", "sucuri"},
	{"X-Azure-Ref", "", "azure"}, {"Via", "1.1 google", "google"}, {"Server", "google frontend", "google"},
	{"Server", "keycdn", "keycdn"}, {"Server", "cdn77", "cdn77"}, {"Server", "arvancloud", "arvancloud"},
	{"Server", "deflect", "deflect"}, {"X-Vercel-Id", "", "vercel"}, {"X-Nf-Request-Id", "", "netlify"},
}

// cdnOf is the network that an answer says it came through, in a word; empty when it
// says nothing. One that is not listed may give its own name in X-CDN.
func cdnOf(header http.Header) string {
	for _, sign := range cdnSigns {
		for _, value := range header[sign.field] {
			if sign.value == "" || strings.Contains(strings.ToLower(value), sign.value) {
				return sign.cdn
			}
		}
	}
	word, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(header.Get("X-Cdn"))), " ")
	if word == "" || len(word) > 24 || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return ""
	}
	return word
}
