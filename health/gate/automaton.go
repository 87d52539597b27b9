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
)

// automaton finds all literals in one pass over a text (Aho and Corasick),
// folding ASCII case. At the root it does not walk: a filter over the next six
// bytes says whether any literal can begin here. Its edges are in a hash table,
// so that thousands of literals fit into little memory.
type automaton struct {
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
		a.filter[slotOf(sixBytes(literal))] = 1
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

// skip is the next place at which a literal can begin, or -1. One load serves
// three places.
func (a *automaton) skip(text []byte, i int) int {
	for ; i+8 <= len(text); i += 3 {
		load := binary.LittleEndian.Uint64(text[i : i+8])
		first, second, third := a.filter[slotOf(load)], a.filter[slotOf(load>>8)], a.filter[slotOf(load>>16)]
		switch {
		case first|second|third == 0:
		case first != 0:
			return i
		case second != 0:
			return i + 1
		default:
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
