package configs

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// maxDays is the most whole days that a time.Duration holds.
const maxDays = int64(math.MaxInt64 / day)

// ParseDuration reads what time.ParseDuration reads, with whole days allowed in
// front: 30d, 1d12h. The error quotes the text and says what is wrong with it.
func ParseDuration(text string) (time.Duration, error) {
	if _, err := strconv.ParseFloat(text, 64); err == nil && text != "0" {
		return 0, fmt.Errorf("%s has no unit", quote(text))
	}
	before, rest, found := strings.Cut(text, "d")
	if !found || !digits(before) {
		return parseClock(text, text)
	}
	days, err := strconv.ParseInt(before, 10, 64)
	if err != nil || days > maxDays {
		return 0, fmt.Errorf("%s is too long", quote(text))
	}
	if rest == "" {
		return time.Duration(days) * day, nil
	}
	// A sign inside would make 1d-2h a duration.
	if rest[0] == '-' || rest[0] == '+' {
		return 0, fmt.Errorf("%s is not a duration", quote(text))
	}
	clock, err := parseClock(rest, text)
	if err != nil {
		return 0, err
	}
	if clock > math.MaxInt64-time.Duration(days)*day {
		return 0, fmt.Errorf("%s is too long", quote(text))
	}
	return time.Duration(days)*day + clock, nil
}

func parseClock(text, whole string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%s is not a duration", quote(whole))
	}
	return d, nil
}

func digits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// formatDuration writes a duration the way ParseDuration reads it, without the
// zero parts that time.Duration.String leaves in (24h0m0s).
func formatDuration(d time.Duration) string {
	if d < 0 {
		return d.String()
	}
	days, rest := d/day, d%day
	clock := rest.String()
	if strings.HasSuffix(clock, "m0s") {
		clock = strings.TrimSuffix(clock, "0s")
	}
	if strings.HasSuffix(clock, "h0m") {
		clock = strings.TrimSuffix(clock, "0m")
	}
	switch {
	case days == 0:
		return clock
	case rest == 0:
		return fmt.Sprintf("%dd", days)
	default:
		return fmt.Sprintf("%dd%s", days, clock)
	}
}

// unit is one of the size units, largest first in sizeUnits.
type unit struct {
	name  string
	bytes int64
}

func sizeUnits() []unit {
	return []unit{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}
}

// parseSize reads a whole number of bytes with its unit: 512MiB.
func parseSize(text string) (int64, error) {
	if digits(text) {
		return 0, fmt.Errorf("%s has no unit", quote(text))
	}
	for _, u := range sizeUnits() {
		number, found := strings.CutSuffix(text, u.name)
		number = strings.TrimSuffix(number, " ")
		if !found || !digits(number) {
			continue
		}
		n, err := strconv.ParseInt(number, 10, 64)
		if errors.Is(err, strconv.ErrRange) || n > math.MaxInt64/u.bytes {
			return 0, fmt.Errorf("%s is too large", quote(text))
		}
		return n * u.bytes, nil
	}
	return 0, fmt.Errorf("%s is not a size", quote(text))
}

// formatSize writes a size in the largest unit that leaves it whole.
func formatSize(n int64) string {
	for _, u := range sizeUnits() {
		if n >= u.bytes && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10) + "B"
}
