package mirrors

import (
	"encoding/json"
	"errors"
	"fmt"
)

// maxDepth is how deep what is passed over may be nested.
const maxDepth = 100

// object reads an object, with read for each value.
func (p *parser) object(read func(key string) error) error {
	is, err := p.objectOrElse(read)
	if err == nil && !is {
		err = errors.New("it is not a JSON object, as a list of mirrors is")
	}
	return err
}

// objectOrElse reads an object, or passes anything else.
func (p *parser) objectOrElse(read func(key string) error) (is bool, err error) {
	first, err := p.json.Token()
	if err != nil {
		return false, err
	}
	if first != json.Delim('{') {
		return false, p.passRest(first)
	}
	for p.json.More() {
		token, err := p.json.Token()
		if err != nil {
			return true, err
		}
		key, _ := token.(string) // a decoder gives nothing else for one
		if err := read(key); err != nil {
			return true, err
		}
	}
	_, err = p.json.Token()
	return true, err
}

// array reads an array, with read for each element; null is an empty one.
func (p *parser) array(read func() error) error {
	first, err := p.json.Token()
	switch {
	case err != nil:
		return err
	case first == nil:
		return nil
	case first != json.Delim('['):
		return fmt.Errorf("an array is expected, not %s", shown(fmt.Sprint(first)))
	}
	for p.json.More() {
		if err := read(); err != nil {
			return err
		}
	}
	_, err = p.json.Token()
	return err
}

// passed is a value that nobody looks at.
type passed struct{}

// UnmarshalJSON implements json.Unmarshaler.
func (*passed) UnmarshalJSON([]byte) error { return nil }

// pass passes one value.
func (p *parser) pass() error { return p.json.Decode(&passed{}) }

// passRest passes what is left of a value whose first token was read.
func (p *parser) passRest(first json.Token) error {
	depth := step(first)
	for depth > 0 {
		token, err := p.json.Token()
		if err != nil {
			return err
		}
		if depth += step(token); depth > maxDepth {
			return fmt.Errorf("it is nested more than %d deep", maxDepth)
		}
	}
	return nil
}

// step is how a token changes the depth.
func step(token json.Token) int {
	switch token {
	case json.Delim('{'), json.Delim('['):
		return 1
	case json.Delim('}'), json.Delim(']'):
		return -1
	}
	return 0
}
