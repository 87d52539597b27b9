package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// coded is the step whose answer has the coding, and decodes to the text.
func (s turn) coded(coding, text string) turn {
	return s.holds(func(g *got) error {
		if given := g.Header.Get("Content-Encoding"); given != coding {
			return fmt.Errorf("Content-Encoding is %q, not %q", given, coding)
		}
		plain, err := decoded(coding, g.body)
		if err != nil || plain != text {
			return fmt.Errorf("the body decodes to %.40q: %w", plain, cmp.Or(err, errMixed))
		}
		return nil
	})
}

// decoded is a body without its coding.
func decoded(coding, body string) (string, error) {
	var plain io.Reader = strings.NewReader(body)
	var err error
	switch coding {
	case "gzip":
		plain, err = gzip.NewReader(plain)
	case "br":
		plain = brotli.NewReader(plain)
	case "zstd":
		var d *zstd.Decoder
		if d, err = zstd.NewReader(plain); err == nil {
			defer d.Close()
			plain = d
		}
	}
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(plain)
	return string(text), err
}

// errMixed says that an answer is not the one it should be, or made of two.
var errMixed = errors.New("that is not what the origin gave")

// sawField is the check that the origin saw the field as the expression says.
func sawField(name, expression string) check {
	pattern := regexp.MustCompile(expression)
	return func(g *got) error {
		if len(g.asked) == 0 || !pattern.MatchString(strings.Join(g.asked[0].header.Values(name), ", ")) {
			return fmt.Errorf("the origin did not see %s as %s", name, expression)
		}
		return nil
	}
}

// matchStatus is the check of Cache-Status.
func matchStatus(g *got, expression string) error {
	if given := strings.Join(g.Header.Values("Cache-Status"), ", "); !regexp.MustCompile(expression).MatchString(given) {
		return fmt.Errorf("Cache-Status is %q, which %s does not match", given, expression)
	}
	return nil
}

// decodesTo is the check of the body, in whatever coding it came.
func decodesTo(text string) check {
	return func(g *got) error {
		plain, err := decoded(g.Header.Get("Content-Encoding"), g.body)
		if err != nil || plain != text {
			return fmt.Errorf("the body, %s, decodes to %.40q: %w", g.Header.Get("Content-Encoding"), plain, cmp.Or(err, errMixed))
		}
		return nil
	}
}

// codedHasWeakTag holds for the weak tag, and for an answer that is not coded.
func codedHasWeakTag(tag string) check {
	return func(g *got) error {
		if given := g.Header.Get("ETag"); g.Header.Get("Content-Encoding") != "" && given != tag {
			return fmt.Errorf("ETag is %q, not %q", given, tag)
		}
		return nil
	}
}

// partOfIdentity holds for this part of the identity, and for a whole page in any coding.
func partOfIdentity(part string) check {
	return func(g *got) error {
		if g.StatusCode == http.StatusPartialContent && (g.body != part || g.Header.Get("Content-Encoding") != "") {
			return fmt.Errorf("the part is %.20q, %s", g.body, g.Header.Get("Content-Encoding"))
		}
		return nil
	}
}

// packed is the text as gzip.
func packed(text string) string {
	var coded bytes.Buffer
	w := gzip.NewWriter(&coded)
	_, err := io.WriteString(w, text)
	if err = errors.Join(err, w.Close()); err != nil {
		panic(err) // a buffer takes everything
	}
	return coded.String()
}
