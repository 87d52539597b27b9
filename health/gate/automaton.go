package gate

import (
	"encoding/binary"
	"math/bits"
)

const (
	// minLiteral is the least length of a literal, and what the filter looks at.
	minLiteral = 6
	// maxTrie is how much of a literal is in the automaton. What is longer is
	// compared where its beginning was found.
	maxTrie = 48
	// skipStep is how far the search steps: a literal has this many runs of four
	// bytes in its first six.
	skipStep = minLiteral - 3
)

// automaton finds all literals in one pass over a text (Aho and Corasick),
// folding ASCII case. At the root it does not walk: in steps of three it looks at four
// bytes, and where these are in the beginning of a literal a filter over six bytes
// says whether one can begin here. Its edges are in a hash table, so that thousands
// of literals fit into little memory.
type automaton struct {
	// near has for four bytes a bit for each place, from 0 to 2, at which they are in
	// a literal: every literal's beginning covers one of the steps.
	near   [1 << 15]uint8
	filter [1 << 16]uint8
	// edges holds state<<8|letter in its upper and the next state in its lower half.
	edges []uint64
	mask  uint32
	shift uint8
	// fail is where a state goes on when no edge fits; ends lists what ends at a
	// state, and shorter is the next state on the way of fail where something ends.
	fail    []int32
	shorter []int32
	ends    [][]int32
	lengths []int32
}

// newAutomaton builds the automaton of literals, each of at least minLiteral bytes.
func newAutomaton(literals []string) *automaton {
	a := &automaton{fail: []int32{0}, shorter: []int32{0}, ends: [][]int32{nil}}
	children := []map[byte]int32{{}}
	for i, literal := range literals {
		literal = literal[:min(len(literal), maxTrie)]
		a.lengths = append(a.lengths, int32(len(literal)))
		six := sixBytes(literal)
		a.filter[slotOf(six)] = 1
		for place := range skipStep {
			a.near[gramOf(six>>(8*place))] |= 1 << place
		}
		state := int32(0)
		for j := range len(literal) {
			c := lower(literal[j])
			next, ok := children[state][c]
			if !ok {
				next = int32(len(children))
				children = append(children, map[byte]int32{})
				children[state][c] = next
				a.ends = append(a.ends, nil)
			}
			state = next
		}
		a.ends[state] = append(a.ends[state], int32(i))
	}
	a.fail, a.shorter = make([]int32, len(children)), make([]int32, len(children))
	a.lay(children)
	a.link(children)
	return a
}

// lay puts the edges into the hash table.
func (a *automaton) lay(children []map[byte]int32) {
	power := bits.Len(uint(2*len(children) + 16))
	a.edges, a.mask, a.shift = make([]uint64, 1<<power), 1<<power-1, uint8(32-power)
	for state, edges := range children {
		for c, next := range edges {
			key := uint32(state)<<8 | uint32(c)
			i := key * 0x9E3779B1 >> a.shift
			for a.edges[i] != 0 {
				i = (i + 1) & a.mask
			}
			a.edges[i] = uint64(key)<<32 | uint64(next)
		}
	}
}

// link sets fail and shorter, state by state in order of depth.
func (a *automaton) link(children []map[byte]int32) {
	queue := []int32{0}
	for len(queue) > 0 {
		state := queue[0]
		queue = queue[1:]
		for c, next := range children[state] {
			queue = append(queue, next)
			if state == 0 {
				continue
			}
			back := a.fail[state]
			for back != 0 && children[back][c] == 0 {
				back = a.fail[back]
			}
			a.fail[next] = children[back][c]
			a.shorter[next] = a.shorter[a.fail[next]]
			if len(a.ends[a.fail[next]]) > 0 {
				a.shorter[next] = a.fail[next]
			}
		}
	}
}

// step is the next state by an edge, or 0.
func (a *automaton) step(state int32, c byte) int32 {
	key := uint32(state)<<8 | uint32(c)
	for i := key * 0x9E3779B1 >> a.shift; ; i = (i + 1) & a.mask {
		edge := a.edges[i]
		if uint32(edge>>32) == key && edge != 0 {
			return int32(uint32(edge))
		}
		if edge == 0 {
			return 0
		}
	}
}

// find tells the tally where the letters of literals are, in whatever case.
func (a *automaton) find(text []byte, t *tally) {
	if len(a.lengths) == 0 {
		return
	}
	state, n := int32(0), len(text)
	for i := 0; i < n; i++ {
		if state == 0 {
			if i = a.skip(text, i); i < 0 {
				return
			}
		}
		c := lower(text[i])
		next := a.step(state, c)
		for next == 0 && state != 0 {
			state = a.fail[state]
			next = a.step(state, c)
		}
		state = next
		for at := state; at != 0; at = a.shorter[at] {
			for _, literal := range a.ends[at] {
				t.meet(text, literal, i+1-int(a.lengths[literal]))
			}
		}
	}
}

// skip is the next place at which a literal can begin, or -1. What is at the third
// byte from i on says whether one can begin at i or the next two.
func (a *automaton) skip(text []byte, i int) int {
	i = a.stride(text, i)
	for ; i+8 <= len(text); i += skipStep {
		load := binary.LittleEndian.Uint64(text[i : i+8])
		near := a.near[gramOf(load>>16)]
		switch {
		case near == 0:
			// What was near came to nothing, so it may be far again.
			i = a.stride(text, i+skipStep) - skipStep
		case near&4 != 0 && a.filter[slotOf(load)] != 0:
			return i
		case near&2 != 0 && a.filter[slotOf(load>>8)] != 0:
			return i + 1
		case near&1 != 0 && a.filter[slotOf(load>>16)] != 0:
			return i + 2
		}
	}
	for ; i+minLiteral <= len(text); i++ {
		if a.filter[slotOf(sixBytes(string(text[i:i+minLiteral])))] != 0 {
			return i
		}
	}
	return -1
}

// stride passes two steps at once while nothing is near.
func (a *automaton) stride(text []byte, i int) int {
	for ; i+10 <= len(text); i += 2 * skipStep {
		load := binary.LittleEndian.Uint64(text[i+2 : i+10])
		if a.near[gramOf(load)]|a.near[gramOf(load>>(8*skipStep))] != 0 {
			break
		}
	}
	return i
}

// gramOf is the slot of the lower four bytes in near. Letters that differ in case
// share one.
func gramOf(four uint64) uint16 { return uint16((uint32(four) | 0x20202020) * 0x9E3779B1 >> 17) }

// slotOf is the slot of the lower six bytes. Letters that differ in case share one.
func slotOf(six uint64) uint16 {
	return uint16((six<<16 | 0x2020202020200000) * 0x9E3779B97F4A7C15 >> 48)
}

// sixBytes loads what the filter looks at.
func sixBytes(text string) uint64 {
	var v uint64
	for i := range minLiteral {
		v |= uint64(text[i]) << (8 * i)
	}
	return v
}
