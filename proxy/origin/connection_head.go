package origin

import (
	"bytes"
	"net/http"
	"strings"
)

// head is what net/http does not tell of the header section of one HTTP/1 answer, read as the
// section passes. It belongs to the goroutine that reads the connection until the answer is had,
// and then to who has it.
type head struct {
	line         []byte   // the beginning of a line that has not come whole
	begun        bool     // the status line is over
	interim      bool     // another answer follows, RFC 9110 §15.2
	folds        bool     // the latest field is Connection, which may go on in the next line
	connection   []string // the values of Connection, as they came
	cacheControl bool     // there is a Cache-Control
	whole        bool     // all of it was read
}

// feed takes the next bytes of the connection, and reports whether the section is over: whole,
// or with a line longer than net/http reads.
func (h *head) feed(p []byte) (over bool) {
	for {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			if len(h.line)+len(p) > maxHeader {
				h.line = nil
				return true
			}
			h.line = append(h.line, p...)
			return false
		}
		line := p[:end]
		if len(h.line) > 0 {
			line = append(h.line, line...)
			h.line = line[:0]
		}
		if h.take(bytes.TrimSuffix(line, []byte("\r"))) {
			h.line = nil
			return true
		}
		p = p[end+1:]
	}
}

// take heeds one line, and reports whether the section ends with it. What is malformed needs no
// care: net/http gives no answer then.
func (h *head) take(line []byte) (ends bool) {
	switch {
	case !h.begun:
		_, status, _ := bytes.Cut(line, []byte(" "))
		status, _, _ = bytes.Cut(bytes.TrimLeft(status, " "), []byte(" "))
		h.begun, h.interim = true, len(status) == 3 && status[0] == '1' && string(status) != "101"
	case len(line) == 0 && h.interim:
		*h = head{line: h.line}
	case len(line) == 0:
		h.whole = true
		return true
	case line[0] == ' ' || line[0] == '\t': // RFC 9112 §5.2
		if h.folds {
			h.connection = append(h.connection, string(bytes.TrimSpace(line)))
		}
	default:
		name, value, _ := bytes.Cut(line, []byte(":"))
		h.folds = strings.EqualFold(string(name), "Connection")
		if h.folds {
			h.connection = append(h.connection, string(bytes.TrimSpace(value)))
		}
		h.cacheControl = h.cacheControl || strings.EqualFold(string(name), "Cache-Control")
	}
	return false
}

// amend gives the answer's header the form in which it came. net/http deletes a Connection that
// contains close, and forgets the fields that it names beside it (RFC 9110 §7.6.1); and it adds
// Cache-Control: no-cache to Pragma: no-cache, which means something in requests alone (RFC 9111 §5.4).
func (h *head) amend(header http.Header) {
	if !h.whole {
		return
	}
	if len(header["Connection"]) == 0 && len(h.connection) > 0 {
		header["Connection"] = h.connection
	}
	if !h.cacheControl {
		delete(header, "Cache-Control")
	}
}
