package cache

// Meaning is the reason in a sentence, for operators; empty for one that is none of
// [Reasons].
func (r Reason) Meaning() string { return meanings[r] }

// meanings are the sentences of [Reason.Meaning]. Nobody changes them.
var meanings = map[Reason]string{
	ReasonMethod:         "The request was no GET, and only answers to GET are stored.",
	ReasonRequestNoStore: "The reader's request said Cache-Control: no-store.",
	ReasonNoStore:        "The origin's answer said no-store.",
	ReasonPrivate:        "The origin's answer said private: it is meant for one reader.",
	ReasonAuthorization:  "It was asked for with credentials, and the answer did not say that it is for others, too: public, s-maxage or must-revalidate would.",
	ReasonCookie:         "It was asked for with a cookie, and the answer did not say that it is for others, too: public or s-maxage would.",
	ReasonStatus:         "Its status says nothing of later requests: it was not final, or for this request alone.",
	ReasonPartial:        "It was a part of a page, and not the one that was asked for.",
	ReasonVaryStar:       "Its Vary was * or could not be read, so that it can never be told whom it is for.",
	ReasonNoFreshness:    "It stated neither a lifetime nor an ETag or Last-Modified to confirm it by.",
	ReasonSetCookie:      "It set a cookie, and did not say for how long it may be used again.",
	ReasonMustUnderstand: "It said must-understand, and its status is not one that is known here.",
	ReasonUpgrade:        "The connection went on in another protocol.",
	ReasonTooLarge:       "It was larger than cache.max_page, or than a page may be of the store.",
	ReasonIncomplete:     "It ended before its declared length.",
	ReasonNoSpace:        "The store had no room for it at that moment.",
	ReasonForeign:        "It was not proved to be this publication's page.",
	ReasonUnconfirmed:    "One of several origins lacks the page, and no other could be asked whether it does, too.",
	ReasonStreaming:      "It was a stream of events, which never ends.",
	ReasonContentType:    "Its Content-Type was not that of such a file as its path ends in, as where a page is asked for under the name of a picture.",
	ReasonBypass:         "A rule of the site keeps such requests out of the cache.",
	ReasonOlder:          "It came from another origin than the stored page, and was an earlier version of it.",
}
