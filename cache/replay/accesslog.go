package replay

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/heliograph-edge/heliograph/cache"
)

// Reason says why a line of a log is not replayed. The set is closed.
type Reason string

// The closed set of reasons.
const (
	ReasonBroken  Reason = "neither an edge's JSON nor common or combined log format"
	ReasonOther   Reason = "not about a request"
	ReasonLong    Reason = "longer than 64 KiB"
	ReasonMethod  Reason = "not GET"
	ReasonStatus  Reason = "a status that is not stored without more being known"
	ReasonBypass  Reason = "passed by the cache, or failed"
	ReasonUnsized Reason = "a 304, 206 or broken answer of a page of which no whole answer came before"
)

// Line is one request as an access log has it, but for who made it.
type Line struct {
	At     time.Time
	Method string
	Key    cache.Key
	Status int
	Bytes  int64
	Result cache.Result // "" where the log does not say
	Cut    bool         // the answer broke off
}

// errNoLine says that a text is no line of a log.
var errNoLine = errors.New("no line of an access log")

// ParseLine reads a line: one of an edge's JSON log, or of the common or combined log
// format, with the virtual host in front or without.
func ParseLine(text string) (Line, Reason) {
	if strings.HasPrefix(text, "{") {
		return parseJSON(text)
	}
	line, err := parseCommon(text)
	if err != nil {
		return Line{}, ReasonBroken
	}
	return line, ""
}

// parseJSON reads a line of an edge's log.
func parseJSON(text string) (Line, Reason) {
	var raw struct {
		Time               time.Time
		Msg                string
		Site, Method, Path string
		Status             int
		Bytes              int64
		Cache              cache.Result
		Aborted            bool
	}
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return Line{}, ReasonBroken
	}
	if raw.Msg != "request" {
		return Line{}, ReasonOther
	}
	if raw.Path == "" || raw.Status == 0 || !plausible(raw.Bytes) {
		return Line{}, ReasonBroken
	}
	return Line{
		At: raw.Time, Method: raw.Method, Key: cache.KeyOf(raw.Site, raw.Path), Status: raw.Status, Bytes: raw.Bytes,
		Result: raw.Cache, Cut: raw.Aborted,
	}, ""
}

// parseCommon reads a line such as
//
//	192.0.2.1 - - [10/Oct/2026:13:55:36 -0700] "GET /news?page=2 HTTP/1.1" 200 2326 …
func parseCommon(text string) (Line, error) {
	who, rest, ok := strings.Cut(text, " [")
	at, rest, ok2 := strings.Cut(rest, "] \"")
	if !ok || !ok2 {
		return Line{}, errNoLine
	}
	site := ""
	if fields := strings.Fields(who); len(fields) == 4 {
		site = fields[0]
	}
	when, err := time.Parse("02/Jan/2006:15:04:05 -0700", at)
	if err != nil {
		return Line{}, err
	}
	end := unquoted(rest)
	if end < 0 {
		return Line{}, errNoLine
	}
	request, answer := strings.Fields(rest[:end]), strings.Fields(rest[end+1:])
	if len(request) < 2 || len(answer) < 2 {
		return Line{}, errNoLine
	}
	target, err := url.ParseRequestURI(request[1])
	if err != nil {
		return Line{}, err
	}
	status, err := strconv.Atoi(answer[0])
	if err != nil {
		return Line{}, err
	}
	line := Line{At: when, Method: request[0], Key: cache.MakeKey(site, target), Status: status}
	if answer[1] != "-" {
		line.Bytes, err = strconv.ParseInt(answer[1], 10, 64)
	}
	if err == nil && !plausible(line.Bytes) {
		err = errNoLine
	}
	return line, err
}

// plausible reports whether an answer may have so many bytes: sums of them must not overflow.
func plausible(bytes int64) bool { return bytes >= 0 && bytes < 1<<44 }

// unquoted is where the quote ends that text begins within; -1 where it does not.
func unquoted(text string) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// Storable says why a cache would not keep the answer, as far as a log can tell; "" where
// it would.
func (l *Line) Storable() Reason {
	switch {
	case l.Method != http.MethodGet:
		return ReasonMethod
	case l.Result == cache.Bypass || l.Result == cache.Failed:
		return ReasonBypass
	case l.Status != http.StatusNotModified && !kept(l.Status):
		return ReasonStatus
	}
	return ""
}

// IsWhole reports whether the answer's bytes are all that the page has.
func (l *Line) IsWhole() bool {
	return l.Status != http.StatusNotModified && l.Status != http.StatusPartialContent && !l.Cut
}

// kept reports whether an answer of this status may be stored without anything in it that
// says so, RFC 9110 §15.1.
func kept(status int) bool {
	switch status {
	case 200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501:
		return true
	}
	return false
}
