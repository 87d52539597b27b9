package main

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// got is one answer as the reader saw it, with what came before it, and what the
// origin was asked because of it.
type got struct {
	*http.Response
	body    string
	failed  error // the answer broke off
	interim []*http.Response
	asked   []seen // the origin's requests of this step
	before  []seen // of the steps before
	path    string
	script  *script
}

// check looks at one answer.
type check func(g *got) error

// turn is one request and what must be true of its answer.
type turn struct {
	method, at, content string
	lines               []string
	reply               reply
	checks              []check
	pause               time.Duration
	until               string // repeat until this is the body
	readers             int    // who ask at once; 0 means one
	releases            bool   // what the origin holds back comes now
}

// get, head and asking are requests for the rule's path.
func get(lines ...string) turn  { return asking(http.MethodGet, lines...) }
func head(lines ...string) turn { return asking(http.MethodHead, lines...) }
func asking(method string, lines ...string) turn {
	return turn{method: method, lines: lines}
}

// under is the step for another target below the rule's path.
func (s turn) under(suffix string) turn { s.at = suffix; return s }

// carrying is the step with a body.
func (s turn) carrying(content string) turn { s.content = content; return s }

// later is the step after a pause.
func (s turn) later(d time.Duration) turn { s.pause = d; return s }

// gives is the step with what the origin answers if it is asked, which it must be, once.
func (s turn) gives(r reply) turn {
	s.reply = r
	return s.holds(askedOnce)
}

// would is the step with what the origin would answer, asked or not.
func (s turn) would(r reply) turn { s.reply = r; return s }

// hit is the step whose answer is stored: the origin is not asked.
func (s turn) hit() turn {
	return s.holds(askedNot, func(g *got) error {
		if g.Header.Get("Age") == "" {
			return fmt.Errorf("a reused answer has no Age")
		}
		return nil
	})
}

// silent is the step for which the origin is not asked, whoever answers.
func (s turn) silent() turn { return s.holds(askedNot) }

// becomes is the step that is repeated until the answer has this body, which the cache
// fetches behind the reader's back.
func (s turn) becomes(body string) turn {
	s.until = body
	return s.body(body)
}

// release is the step before which the origin gives what it held back.
func (s turn) release() turn { s.releases = true; return s }

// atOnce is the step of several readers; what it checks must be true of each answer.
func (s turn) atOnce(readers int) turn { s.readers = readers; return s }

// holds is the step with more checks.
func (s turn) holds(checks ...check) turn {
	s.checks = append(slices.Clip(s.checks), checks...)
	return s
}

// askedOnce holds when the origin saw exactly one request.
func askedOnce(g *got) error {
	if len(g.asked) != 1 {
		return fmt.Errorf("the origin was asked %d times, not once", len(g.asked))
	}
	return nil
}

// askedNot holds when the origin saw none.
func askedNot(g *got) error {
	if len(g.asked) != 0 {
		return fmt.Errorf("the origin was asked (%s %s)", g.asked[0].method, g.asked[0].target)
	}
	return nil
}

// status is the step whose answer has one of the statuses.
func (s turn) status(codes ...int) turn {
	return s.holds(func(g *got) error {
		if !slices.Contains(codes, g.StatusCode) {
			return fmt.Errorf("the status is %d, not %v", g.StatusCode, codes)
		}
		return nil
	})
}

// body is the step whose answer has the body.
func (s turn) body(text string) turn {
	return s.holds(func(g *got) error {
		if g.body != text {
			return fmt.Errorf("the body is %.60q, not %.60q", g.body, text)
		}
		return nil
	})
}

// first is the step whose answer has the body that the origin gave first; nth, another.
func (s turn) first() turn { return s.nth(1) }
func (s turn) nth(n int) turn {
	return s.holds(func(g *got) error {
		all := slices.Concat(g.before, g.asked)
		if len(all) < n || g.body != all[n-1].body {
			return fmt.Errorf("the body is %.60q, not that of the origin's answer %d", g.body, n)
		}
		return nil
	})
}

// has is the step whose answer has the fields: "Name: value" for exactly that, all lines joined.
func (s turn) has(lines ...string) turn {
	return s.holds(func(g *got) error {
		for _, line := range lines {
			name, want, _ := strings.Cut(line, ":")
			want = fill(strings.TrimSpace(want), g.path, time.Now())
			if given := strings.Join(g.Header.Values(name), ", "); given != want {
				return fmt.Errorf("%s is %q, not %q", name, given, want)
			}
		}
		return nil
	})
}

// matches is the step whose field matches the expression.
func (s turn) matches(name, expression string) turn {
	pattern := regexp.MustCompile(expression)
	return s.holds(func(g *got) error {
		if given := strings.Join(g.Header.Values(name), ", "); !pattern.MatchString(given) {
			return fmt.Errorf("%s is %q, which %s does not match", name, given, expression)
		}
		return nil
	})
}

// lacks is the step whose answer has none of the fields.
func (s turn) lacks(names ...string) turn {
	return s.holds(func(g *got) error {
		for _, name := range names {
			if given := g.Header.Values(name); len(given) > 0 {
				return fmt.Errorf("%s is there: %q", name, given)
			}
		}
		return nil
	})
}

// aged is the step whose Age lies between, within a quarter of an hour: how slow the machine is says nothing.
func (s turn) aged(from int) turn {
	return s.holds(func(g *got) error {
		lines := g.Header.Values("Age")
		age, err := strconv.Atoi(strings.Join(lines, ", "))
		if err != nil || age < from || age > from+900 {
			return fmt.Errorf("Age is %q, not about %d", lines, from)
		}
		return nil
	})
}

// dated is the step whose Date is the one that the origin gave in its nth answer.
func (s turn) dated(n int) turn {
	return s.holds(func(g *got) error {
		all := slices.Concat(g.before, g.asked)
		if given, want := g.Header.Get("Date"), all[n-1].sent.Get("Date"); given != want {
			return fmt.Errorf("Date is %q, not %q", given, want)
		}
		return nil
	})
}

// saw is the step for which the origin saw the request fields.
func (s turn) saw(lines ...string) turn {
	return s.holds(func(g *got) error {
		if len(g.asked) == 0 {
			return fmt.Errorf("the origin was not asked")
		}
		for _, line := range lines {
			name, want, _ := strings.Cut(line, ":")
			want = strings.TrimSpace(want)
			if given := strings.Join(g.asked[0].header.Values(name), ", "); given != want {
				return fmt.Errorf("the origin saw %s: %q, not %q", name, given, want)
			}
		}
		return nil
	})
}

// hid is the step for which the origin saw none of the request fields.
func (s turn) hid(names ...string) turn {
	return s.holds(func(g *got) error {
		for _, a := range g.asked {
			for _, name := range names {
				if given := a.header.Values(name); len(given) > 0 {
					return fmt.Errorf("the origin saw %s: %q", name, given)
				}
			}
		}
		return nil
	})
}

// told is the step with an interim answer of the code before its own.
func (s turn) told(code int, name, value string) turn {
	return s.holds(func(g *got) error {
		for _, i := range g.interim {
			if i.StatusCode == code && (name == "" || i.Header.Get(name) == value) {
				return nil
			}
		}
		return fmt.Errorf("no interim %d with %s: %s among %d", code, name, value, len(g.interim))
	})
}

// untold is the step without interim answers.
func (s turn) untold() turn {
	return s.holds(func(g *got) error {
		if len(g.interim) > 0 {
			return fmt.Errorf("an interim answer %d came", g.interim[0].StatusCode)
		}
		return nil
	})
}

// broken is the step whose answer breaks off or is an error: what is not whole must not look so.
func (s turn) broken() turn {
	return s.holds(func(g *got) error {
		if g.failed == nil && g.StatusCode < 500 {
			return fmt.Errorf("status %d came whole", g.StatusCode)
		}
		return nil
	})
}

// ask makes a step's request over a connection of its own and reads the answer.
func (s turn) ask(address, path string) (*got, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s %s HTTP/1.1\r\nHost: front.test\r\n", s.method, path+s.at)
	for _, line := range s.lines {
		text.WriteString(fill(line, path, time.Now()) + "\r\n")
	}
	if s.content != "" || s.method == http.MethodPost || s.method == http.MethodPut {
		fmt.Fprintf(&text, "Content-Length: %d\r\n", len(s.content))
	}
	text.WriteString("\r\n" + s.content)
	if _, err := conn.Write(text.Bytes()); err != nil {
		return nil, err
	}
	g := &got{path: path}
	reader := bufio.NewReader(conn)
	for {
		answer, err := http.ReadResponse(reader, &http.Request{Method: cmp.Or(s.method, http.MethodGet)})
		if err != nil {
			return nil, fmt.Errorf("no answer: %w", err)
		}
		if answer.StatusCode < 200 {
			g.interim = append(g.interim, answer)
			continue
		}
		body, err := io.ReadAll(answer.Body)
		g.Response, g.body, g.failed = answer, string(body), err
		return g, nil
	}
}
