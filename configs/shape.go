package configs

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// shape is how one value of the file is read, and what it may be. It only reads:
// what a value has to be like, beyond its type, is the business of checks.
type shape struct {
	// accepted completes the sentence "accepted: …".
	accepted string
	// keys are those of a mapping; nil for everything else.
	keys []key
	// item is the shape of a list's items; nil for everything else.
	item *shape
	read func(r *reader, n ast.Node, field string)
}

// key is one key of a mapping.
type key struct {
	name string
	shape
}

// walk visits the shape and those inside it; the items of a list have the
// field "list[]".
func (s shape) walk(field string, visit func(field string, s shape)) {
	visit(field, s)
	for _, k := range s.keys {
		k.shape.walk(within(field, k.name), visit)
	}
	if s.item != nil {
		s.item.walk(field+"[]", visit)
	}
}

// within is the path of a key inside a field.
func within(field, key string) string {
	if field == "" {
		return key
	}
	return field + "." + key
}

// mapping has the given keys, none of which has to be there.
func mapping(keys ...key) shape {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	return shape{
		accepted: "a mapping with the keys " + strings.Join(names, ", "),
		keys:     keys,
		read:     func(r *reader, n ast.Node, field string) { r.mapping(n, field, keys) },
	}
}

// list appends one element to *into for each item, also for an item that cannot
// be read, so that indices are those of the file.
func list[T any](into *[]T, accepted string, fresh func() T, item func(*T) shape) shape {
	sample := item(new(T))
	return shape{
		accepted: accepted,
		item:     &sample,
		read: func(r *reader, n ast.Node, field string) {
			sequence, ok := n.(*ast.SequenceNode)
			if !ok {
				r.refuse(field, describe(n))
				return
			}
			// Each item's shape points into the slice, which therefore must
			// not move: it is made whole before the first item is read.
			elements := make([]T, len(sequence.Values))
			for i, value := range sequence.Values {
				elements[i] = fresh()
				at := field + "[" + strconv.Itoa(i) + "]"
				r.positions[at] = positionOf(value)
				item(&elements[i]).read(r, value, at)
			}
			*into = elements
		},
	}
}

// oneOrMore is a list, or an item of it alone, which is read into a list of one.
func oneOrMore[T any](into *[]T, accepted string, item func(*T) shape) shape {
	several := list(into, accepted, none[T], item)
	read := several.read
	several.read = func(r *reader, n ast.Node, field string) {
		if _, ok := n.(*ast.SequenceNode); ok {
			read(r, n, field)
			return
		}
		one := make([]T, 1)
		item(&one[0]).read(r, n, field)
		*into = one
	}
	return several
}

func text(into *string, accepted string) shape {
	return shape{accepted: accepted, read: func(r *reader, n ast.Node, field string) {
		switch n := n.(type) {
		case *ast.StringNode:
			*into = n.Value
		case *ast.LiteralNode:
			*into = n.Value.Value
		default:
			r.refuse(field, describe(n))
		}
	}}
}

func truth(into *bool) shape {
	return shape{accepted: "true or false", read: func(r *reader, n ast.Node, field string) {
		b, ok := n.(*ast.BoolNode)
		if !ok {
			r.refuse(field, describe(n))
			return
		}
		*into = b.Value
	}}
}

func count(into *int, accepted string) shape {
	return shape{accepted: accepted, read: func(r *reader, n ast.Node, field string) {
		number, ok := n.(*ast.IntegerNode)
		if !ok {
			r.refuse(field, describe(n))
			return
		}
		value, err := strconv.Atoi(number.Token.Value)
		if err != nil {
			r.refuse(field, quote(number.Token.Value)+" is not a whole number in plain digits")
			return
		}
		*into = value
	}}
}

func duration(into *time.Duration, accepted string) shape {
	return scalar(into, accepted, ParseDuration)
}

func size(into *int64, accepted string) shape {
	return scalar(into, accepted, parseSize)
}

func address(into *netip.Addr, accepted string) shape {
	return scalar(into, accepted, parseIP)
}

func link(into **url.URL, accepted string) shape {
	return scalar(into, accepted, parseURL)
}

// scalar reads text, or a number as it is written, with parse. The errors of
// parse are problems: nothing goes before them, and they quote the text unless it
// may be a secret.
func scalar[T any](into *T, accepted string, parse func(string) (T, error)) shape {
	return shape{accepted: accepted, read: func(r *reader, n ast.Node, field string) {
		var written string
		switch n := n.(type) {
		case *ast.StringNode:
			written = n.Value
		case *ast.IntegerNode, *ast.FloatNode:
			written = n.GetToken().Value
		default:
			r.refuse(field, describe(n))
			return
		}
		value, err := parse(written)
		if err != nil {
			r.refuse(field, err.Error())
			return
		}
		*into = value
	}}
}

// either is a mapping, or the short form of it that is no mapping.
func either(long, short shape) shape {
	return shape{
		accepted: short.accepted + ", or " + long.accepted,
		keys:     long.keys,
		read: func(r *reader, n ast.Node, field string) {
			if _, ok := n.(*ast.MappingNode); ok {
				long.read(r, n, field)
				return
			}
			short.read(r, n, field)
		},
	}
}
