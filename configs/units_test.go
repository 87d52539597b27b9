package configs

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDurationsAreGosWithDaysInFront(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30s":     30 * time.Second,
		"1h30m":   90 * time.Minute,
		"1.5s":    1500 * time.Millisecond,
		"0":       0,
		"30d":     30 * day,
		"1d12h":   36 * time.Hour,
		"0d1s":    time.Second,
		"-5s":     -5 * time.Second,
		"106751d": 106751 * day,
	} {
		got, err := ParseDuration(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for text, problem := range map[string]string{
		"":              `"" is not a duration`,
		"d":             `"d" is not a duration`,
		"10":            `"10" has no unit`,
		"1.5":           `"1.5" has no unit`,
		"1.5d":          `"1.5d" is not a duration`,
		"-1d":           `"-1d" is not a duration`,
		"1d-1h":         `"1d-1h" is not a duration`,
		"12h1d":         `"12h1d" is not a duration`,
		"1d1d":          `"1d1d" is not a duration`,
		"1w":            `"1w" is not a duration`,
		"106752d":       `"106752d" is too long`,
		"106751d23h59m": `"106751d23h59m" is too long`,
	} {
		_, err := ParseDuration(text)
		require.EqualError(t, err, problem)
	}
}

func TestDurationsAreWrittenShort(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s": 0, "10s": 10 * time.Second, "1h": time.Hour, "1h30m": 90 * time.Minute, "10m": 10 * time.Minute,
		"1h0m1s": time.Hour + time.Second, "30d": 30 * day, "1d12h": 36 * time.Hour, "1d1ms": day + time.Millisecond,
		"-24h0m0s": -day,
	} {
		require.Equal(t, want, formatDuration(d))
	}
}

func TestWrittenDurationsReadBack(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		// The shift spreads the values over all magnitudes.
		d := time.Duration(random.Int64() >> random.IntN(63))
		got, err := ParseDuration(formatDuration(d))
		require.NoError(t, err, formatDuration(d))
		require.Equal(t, d, got)
	}
	longest, err := ParseDuration(formatDuration(math.MaxInt64))
	require.NoError(t, err)
	require.Equal(t, time.Duration(math.MaxInt64), longest)
}

func TestSizesAreWholeNumbersWithAUnit(t *testing.T) {
	for text, want := range map[string]int64{
		"0B": 0, "1B": 1, "1KiB": 1 << 10, "512MiB": 512 << 20, "20GiB": 20 << 30, "1 GiB": 1 << 30,
		"9223372036854775807B": math.MaxInt64,
	} {
		got, err := parseSize(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for text, problem := range map[string]string{
		"":                     `"" is not a size`,
		"B":                    `"B" is not a size`,
		"MiB":                  `"MiB" is not a size`,
		"512":                  `"512" has no unit`,
		"512MB":                `"512MB" is not a size`,
		"512mib":               `"512mib" is not a size`,
		"1.5GiB":               `"1.5GiB" is not a size`,
		"-1MiB":                `"-1MiB" is not a size`,
		"8589934592GiB":        `"8589934592GiB" is too large`,
		"9223372036854775808B": `"9223372036854775808B" is too large`,
	} {
		_, err := parseSize(text)
		require.EqualError(t, err, problem)
	}
}

func TestWrittenSizesReadBack(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 10_000 {
		n := random.Int64() >> random.IntN(63) << (10 * random.IntN(3)) & math.MaxInt64
		got, err := parseSize(formatSize(n))
		require.NoError(t, err, formatSize(n))
		require.Equal(t, n, got)
	}
}

func TestNearestKeyIsASlipAway(t *testing.T) {
	words := []string{"name", "fronts", "canonical", "origins", "cookies"}
	for name, want := range map[string]string{
		"orgins": "origins", "Origins": "origins", "origin": "origins", "cannonical": "canonical",
		"frontss": "fronts", "cokies": "cookies",
	} {
		got, ok := nearest(name, words)
		require.True(t, ok, name)
		require.Equal(t, want, got)
	}
	for _, name := range []string{"", "x", "mirrors", "announce"} {
		got, ok := nearest(name, words)
		require.False(t, ok, "%s: %s", name, got)
	}
}
