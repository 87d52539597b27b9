package cache

import "net/http"

// ResponseDirectives are the directives of an answer that are for this cache.
func ResponseDirectives(h http.Header) Directives { return ParseCacheControl(h["Cache-Control"]) }
