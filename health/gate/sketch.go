package gate

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/bits"
)

const (
	// sketchSlots is how many values a sketch keeps.
	sketchSlots = 64
	// sketchEnough is how many slots must be taken for a sketch to tell anything:
	// the skeletons of all small pages are alike.
	sketchEnough = 14

	hashSeed  uint32 = 2166136261
	hashPrime uint32 = 16777619
)

// Sketch is a page's structure in small: of all runs of three tags with their
// classes, the least hash of each slot. Two pages share as large a part of their
// slots as they share of their runs.
type Sketch [sketchSlots]uint32

// add takes one run of tags into the sketch.
func (s *Sketch) add(run uint32) {
	run *= 0x9E3779B1
	run ^= run >> 15
	run *= 0x85EBCA77
	run ^= run >> 13
	slot, value := run%sketchSlots, run/sketchSlots+1
	if s[slot] == 0 || value < s[slot] {
		s[slot] = value
	}
}

// taken is how many slots have a value.
func (s *Sketch) taken() int {
	n := 0
	for _, v := range s {
		if v != 0 {
			n++
		}
	}
	return n
}

// alike is the share of runs that two pages have in common, in percent. It is 0
// where either is too small to tell.
func (s *Sketch) alike(other *Sketch) int {
	if s.taken() < sketchEnough || other.taken() < sketchEnough {
		return 0
	}
	same, either := 0, 0
	for i := range s {
		if s[i]|other[i] != 0 {
			either++
			if s[i] == other[i] {
				same++
			}
		}
	}
	return 100 * same / either
}

// MarshalText writes the sketch in base64.
func (s *Sketch) MarshalText() ([]byte, error) {
	raw := make([]byte, 0, 4*sketchSlots)
	for _, v := range s {
		raw = binary.LittleEndian.AppendUint32(raw, v)
	}
	return base64.RawStdEncoding.AppendEncode(nil, raw), nil
}

// UnmarshalText reads what MarshalText wrote.
func (s *Sketch) UnmarshalText(text []byte) error {
	raw, err := base64.RawStdEncoding.AppendDecode(nil, text)
	if err != nil || len(raw) != 4*sketchSlots {
		return fmt.Errorf("a sketch is %d bytes in base64", 4*sketchSlots)
	}
	for i := range s {
		s[i] = binary.LittleEndian.Uint32(raw[4*i:])
	}
	return nil
}

// hashBytes goes on with a hash over bytes.
func hashBytes(h uint32, b []byte) uint32 {
	for _, c := range b {
		h = (h ^ uint32(c)) * hashPrime
	}
	return h
}

// hashWord goes on with a hash over one other hash.
func hashWord(h, w uint32) uint32 { return bits.RotateLeft32(h, 7)*hashPrime ^ w }
