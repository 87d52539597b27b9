package lab

import (
	"fmt"
	"math"
	"net/http"
	"time"
)

// LongPath is the path of the newspaper's longest page: a table for every day of a year, of some
// 60 KiB, so that something can happen to it on the way.
const LongPath = "/weather/tide-tables"

// tideDay is one line of the table: high and low water, twice.
type tideDay struct {
	Day    time.Time
	Waters []string
}

// tideTable is the newspaper's reckoning of the tides of 2026.
func tideTable() []tideDay {
	const (
		tide  = 12*time.Hour + 25*time.Minute // from one high water to the next
		month = 29.5                          // days from one new moon to the next
	)
	var days []tideDay
	high := time.Date(2026, 1, 1, 1, 40, 0, 0, time.UTC)
	for day := high.Truncate(24 * time.Hour); day.Year() == 2026; day = day.AddDate(0, 0, 1) {
		swell := 90 * math.Cos(4*math.Pi*float64(day.YearDay())/month) // springs and neaps
		at := func(water time.Time, mean float64) string {
			return fmt.Sprintf("%s · %.0f cm", water.Format("15:04"), mean+swell)
		}
		days = append(days, tideDay{day, []string{
			at(high, 420), at(high.Add(tide/2), 110), at(high.Add(tide), 412), at(high.Add(tide+tide/2), 118),
		}})
		high = high.Add(2 * tide)
	}
	return days
}

func (n *newspaper) tideTables(w http.ResponseWriter, r *http.Request) {
	n.render(w, r, http.StatusOK, "tides.html", page{Title: "Tide tables", Section: sections()[3], Tides: tideTable()})
}
