package canary_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/heliograph-edge/heliograph/health/canary"
)

// A publication signs, an edge verifies, and an old copy no longer passes.
func Example() {
	key, err := canary.NewSigningKey("gazette", strings.NewReader("not as random as it should be..."))
	if err != nil {
		panic(err)
	}
	now := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	sign := func(sequence uint64) string {
		c, err := canary.Sign(canary.Canary{Site: "gazette", Sequence: sequence, Issued: now, Expires: now.AddDate(0, 0, 7)}, key)
		if err != nil {
			panic(err)
		}
		return c.String()
	}
	memory := canary.NewMemory()
	for _, text := range []string{sign(1), sign(2), sign(1)} {
		c, err := canary.Verify(text, key.Public(), canary.Expect{
			Site: "gazette", Now: now, Newest: memory.Newest("gazette", key.Public()),
		})
		if err != nil {
			fmt.Println(err)
			continue
		}
		memory.Note(key.Public(), c)
		fmt.Println("good until", c.Expires.Format(time.DateOnly))
	}
	// Output:
	// good until 2026-03-21
	// good until 2026-03-21
	// rollback: its sequence is 1, and 2 was seen before
}
