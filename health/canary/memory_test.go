package canary

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMemoryKeepsTheNewestOfEachSite(t *testing.T) {
	m := NewMemory()
	key := signingKey(t, "gazette", 'a').Public()
	require.Zero(t, m.Newest("gazette", key))
	for _, sequence := range []uint64{41, 43, 42, 43} {
		m.Note(key, signed(t, sequence))
	}
	require.Equal(t, signed(t, 43).newest(), m.Newest("gazette", key))
	require.Zero(t, m.Newest("tribune", key))

	m.Note(key, signed(t, 43, Field{"note", "another text"}))
	require.Equal(t, signed(t, 43).newest(), m.Newest("gazette", key), "the first one seen counts")
}

func TestWithAnotherKeyTheSequenceBeginsAgain(t *testing.T) {
	m := NewMemory()
	before, after := signingKey(t, "gazette", 'a'), signingKey(t, "gazette", 'b')
	m.Note(before.Public(), signed(t, 43))
	require.Zero(t, m.Newest("gazette", after.Public()))
	first, err := Sign(Canary{Site: "gazette", Sequence: 1, Issued: noon, Expires: noon.Add(time.Hour)}, after)
	require.NoError(t, err)
	m.Note(after.Public(), first)
	require.EqualValues(t, 1, m.Newest("gazette", after.Public()).Sequence)
	require.Zero(t, m.Newest("gazette", before.Public()))
}

func TestAChangeIsTold(t *testing.T) {
	m := NewMemory()
	key := signingKey(t, "gazette", 'a').Public()
	told := func() bool {
		select {
		case <-m.Changed():
			return true
		default:
			return false
		}
	}
	require.False(t, told())
	m.Note(key, signed(t, 42))
	m.Note(key, signed(t, 43))
	require.True(t, told())
	require.False(t, told(), "once for both")
	m.Note(key, signed(t, 43))
	m.Note(key, signed(t, 42))
	require.False(t, told(), "nothing is newer")
}

func TestMemorySurvivesAsJSON(t *testing.T) {
	m := NewMemory()
	key := signingKey(t, "gazette", 'a').Public()
	m.Note(key, signed(t, 42))
	text, err := json.Marshal(m)
	require.NoError(t, err)
	again := NewMemory()
	require.NoError(t, json.Unmarshal(text, again))
	require.Equal(t, m.Newest("gazette", key), again.Newest("gazette", key))
	require.EqualValues(t, 42, again.Newest("gazette", key).Sequence)
}

func TestMemoryRefusesWhatItCannotUnderstandAndKeepsWhatItHas(t *testing.T) {
	m := NewMemory()
	key := signingKey(t, "gazette", 'a').Public()
	m.Note(key, signed(t, 42))
	text, err := json.Marshal(m)
	require.NoError(t, err)
	good := string(text)
	for want, bad := range map[string]string{
		"unexpected end of JSON input":                good[:20],
		"version is 2, this build reads 1":            strings.Replace(good, `"version":1`, `"version":2`, 1),
		`site "gazette": the key does not begin with`: strings.Replace(good, keyPrefix, "", 1),
		`site "gazette": the digest or the sequence`:  strings.Replace(good, `"sequence":42`, `"sequence":0`, 1),
		"cannot unmarshal":                            strings.Replace(good, `"sequence":42`, `"sequence":-1`, 1),
		`site "gazette": the digest or the sequence `: strings.Replace(good, `"digest":"`, `"digest":"z`, 1),
		"parsing time":                                strings.Replace(good, `"issued":"2026`, `"issued":"yesterday`, 1),
	} {
		require.NotEqual(t, good, bad)
		require.ErrorContains(t, json.Unmarshal([]byte(bad), m), want)
		require.EqualValues(t, 42, m.Newest("gazette", key).Sequence)
	}
}

func TestManyMayUseAMemoryAtOnce(t *testing.T) {
	m := NewMemory()
	key := signingKey(t, "gazette", 'a').Public()
	var all []Canary
	for sequence := range uint64(20) {
		all = append(all, signed(t, sequence+1))
	}
	var users sync.WaitGroup
	for _, c := range all {
		users.Go(func() {
			m.Note(key, c)
			if m.Newest("gazette", key).Sequence < c.Sequence {
				t.Errorf("%d was forgotten", c.Sequence)
			}
			if _, err := json.Marshal(m); err != nil {
				t.Error(err)
			}
		})
	}
	users.Wait()
	require.EqualValues(t, 20, m.Newest("gazette", key).Sequence)
}
