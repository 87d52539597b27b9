package configs

import (
	"fmt"
	"net"
	"net/mail"
	"slices"
	"strconv"
	"time"
)

// Check holds f against the rules of the schema. What [Load], [Parse] and
// [FromOrigins] hand out passes; call it again after changing a field, for a
// flag on the command line. It touches nothing but f. The error is a [*Refusal].
func (f *File) Check() error {
	mistakes := f.mistakes()
	explain(mistakes)
	for i := range mistakes {
		mistakes[i].File = f.Path
	}
	return refusal(mistakes)
}

func (f *File) mistakes() []Mistake {
	c := &checks{file: f}
	c.listen()
	c.data()
	c.tls()
	c.sites()
	c.control()
	c.fingerprints()
	c.allow()
	between(c, "cache.memory", f.Cache.Memory, minMemory, maxMemory, formatSize)
	c.oneOf("log.format", f.Log.Format, logFormats())
	c.oneOf("log.level", f.Log.Level, logLevels())
	c.oneOf("log.readers", f.Log.Readers, logReaders())
	c.within("drain", f.Drain, minDrain, maxDrain)
	return c.found
}

// checks collects the mistakes of a file whose values were read.
type checks struct {
	file  *File
	found []Mistake
}

// refuse notes a problem, unless there is none or the field could not be read,
// which was noted then. What is accepted is filled in later from the schema.
func (c *checks) refuse(field, problem string) {
	c.refuseFor(field, problem, "")
}

func (c *checks) refuseFor(field, problem, accepted string) {
	if problem == "" || c.file.source.unreadable(field) {
		return
	}
	at := c.file.source.position(field)
	c.found = append(c.found, Mistake{
		Line: at.line, Column: at.column, Field: field, Problem: problem, Accepted: accepted,
	})
}

func (c *checks) within(field string, value, least, most time.Duration) {
	between(c, field, value, least, most, formatDuration)
}

func between[T int | int64 | time.Duration](c *checks, field string, value, least, most T, format func(T) string) {
	switch {
	case value < least:
		c.refuse(field, fmt.Sprintf("%s is less than %s", format(value), format(least)))
	case value > most:
		c.refuse(field, fmt.Sprintf("%s is more than %s", format(value), format(most)))
	}
}

func (c *checks) oneOf(field, value string, words []string) {
	if slices.Contains(words, value) {
		return
	}
	problem := quote(value) + " is none of the choices"
	if meant, ok := nearest(value, words); ok {
		problem += fmt.Sprintf(" (did you mean %q?)", meant)
	}
	c.refuse(field, problem)
}

func (c *checks) listen() {
	l := c.file.Listen
	if l.HTTP == "" && l.HTTPS == "" {
		c.refuse("listen.http", "neither http nor https is on")
	}
	if l.HTTP != "" {
		c.refuse("listen.http", listenProblem(l.HTTP))
	}
	if l.HTTPS != "" {
		c.refuse("listen.https", listenProblem(l.HTTPS))
		c.shared("listen.https", l.HTTPS, "listen.http", l.HTTP)
		c.certified()
	}
	c.refuse("listen.admin", adminProblem(l.Admin))
	c.shared("listen.admin", l.Admin, "listen.http", l.HTTP)
	c.shared("listen.admin", l.Admin, "listen.https", l.HTTPS)
}

// certified refuses https without a source of certificates, unless one is given
// that could not be read.
func (c *checks) certified() {
	t := c.file.TLS
	if t.Email != "" || len(t.Files) > 0 || t.Internal {
		return
	}
	for _, field := range []string{"tls.email", "tls.files", "tls.internal"} {
		if c.file.source.unreadable(field) {
			return
		}
	}
	c.refuseFor("listen.https", "https is on without a source of certificates", "tls.email, tls.files or tls.internal")
}

// shared refuses an address that another listener has. Port 0 is a new port
// each time.
func (c *checks) shared(field, address, other, taken string) {
	if _, port, err := net.SplitHostPort(address); err == nil && port != "0" && address == taken {
		c.refuse(field, fmt.Sprintf("%s is the address of %s", quote(address), other))
	}
}

func (c *checks) data() {
	switch {
	case c.file.Data != "":
	case c.file.source.gives("data"):
		c.refuse("data", "is empty")
	default:
		c.refuse("data", "there is no place to keep state: neither XDG_STATE_HOME nor HOME is set")
	}
}

func (c *checks) tls() {
	t := c.file.TLS
	if t.Email != "" {
		if a, err := mail.ParseAddress(t.Email); err != nil || a.Address != t.Email {
			c.refuse("tls.email", quote(t.Email)+" is not a mail address")
		}
	}
	for i, file := range t.Files {
		field := "tls.files[" + strconv.Itoa(i) + "]"
		c.required(field, "cert", file.Cert)
		c.required(field, "key", file.Key)
	}
}

// required refuses an empty text inside a mapping, given or not.
func (c *checks) required(field, key, value string) {
	switch {
	case value != "":
	case c.file.source.gives(within(field, key)):
		c.refuse(within(field, key), "is empty")
	default:
		c.refuse(within(field, key), "is missing")
	}
}
