package health

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhoSharesAFate(t *testing.T) {
	view := func(address, network, cdn string) View {
		tracker := NewTracker(Options{})
		tracker.Configure(map[ID]Policy{primary: {Network: network}})
		o := probed(0, OK)
		o.Address, o.CDN = address, cdn
		tracker.Observe(primary, o)
		return tracker.View(primary)
	}
	tests := []struct {
		name string
		a, b View
		with string
		ok   bool
	}{
		{"one address", view("192.0.2.10:443", "", ""), view("192.0.2.10:443", "", ""), "192.0.2.10", true},
		{"one address, other ports", view("192.0.2.10:443", "", ""), view("192.0.2.10:8443", "", ""), "192.0.2.10", true},
		{"one address, written otherwise", view("[::ffff:192.0.2.10]:443", "", ""), view("192.0.2.10:443", "", ""), "192.0.2.10", true},
		{"one address of IPv6", view("[2001:db8::1]:443", "", ""), view("[2001:DB8:0::1]:443", "", ""), "2001:db8::1", true},
		{"two addresses", view("192.0.2.10:443", "", ""), view("192.0.2.11:443", "", ""), "", false},
		{"one name, which a proxy looks up", view("gazette.example:443", "", ""), view("gazette.example:80", "", ""), "gazette.example", true},
		{"two tunnels", view("127.0.0.1:9001", "", ""), view("127.0.0.1:9002", "", ""), "", false},
		{"one tunnel", view("127.0.0.1:9001", "", ""), view("127.0.0.1:9001", "", ""), "127.0.0.1:9001", true},
		{"one network", view("192.0.2.10:443", "AS64500", ""), view("192.0.2.11:443", "AS64500", ""), "AS64500", true},
		{"two networks", view("192.0.2.10:443", "AS64500", ""), view("192.0.2.11:443", "AS64501", ""), "", false},
		{"one CDN alone", view("192.0.2.10:443", "", "mirage"), view("192.0.2.11:443", "", "mirage"), "mirage", false},
		{"one CDN, which the operator names as the network", view("192.0.2.10:443", "mirage", "mirage"), view("192.0.2.11:443", "mirage", "mirage"), "mirage", true},
		{"one CDN, and the operator names one for its network", view("192.0.2.10:443", "mirage", "mirage"), view("192.0.2.11:443", "", "mirage"), "mirage", false},
		{"one CDN and one address", view("192.0.2.10:443", "", "mirage"), view("192.0.2.10:443", "", "mirage"), "192.0.2.10", true},
		{"nothing is known", view("", "", ""), view("", "", ""), "", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, pair := range [][2]View{{test.a, test.b}, {test.b, test.a}} {
				with, ok := SharesFate(pair[0], pair[1])
				require.Equal(t, test.with, with)
				require.Equal(t, test.ok, ok)
			}
		})
	}
}

func TestAnOriginThatCannotBeFoundKeepsTheAddressItHad(t *testing.T) {
	tracker := NewTracker(Options{})
	tracker.Configure(map[ID]Policy{primary: {Network: "AS64500"}})
	require.Equal(t, []string{"AS64500"}, tracker.View(primary).Fates, "known before the first look")
	good := probed(0, OK)
	good.Address, good.CDN = "192.0.2.10:443", "mirage"
	observe(tracker, primary, good, probed(2, DNSTimeout))
	require.Equal(t, []string{"192.0.2.10", "AS64500", "mirage"}, tracker.View(primary).Fates)

	shared := tracker.View(primary).Fates
	good.At, good.Address, good.CDN = at(4), "192.0.2.11:443", ""
	observe(tracker, primary, good)
	require.Equal(t, []string{"192.0.2.11", "AS64500"}, tracker.View(primary).Fates)
	require.Equal(t, []string{"192.0.2.10", "AS64500", "mirage"}, shared, "an older View keeps its own")

	tracker.Configure(map[ID]Policy{primary: {Network: "AS64501"}})
	require.Equal(t, []string{"192.0.2.11", "AS64501"}, tracker.View(primary).Fates)
}

func TestWhatMayBeDoneToTheNameIsNotOfTheAddress(t *testing.T) {
	var of []Class
	for _, c := range Classes() {
		if c.OfAddress() {
			of = append(of, c)
			require.NotEqual(t, wrong, c.kind(), c)
		}
	}
	require.Equal(t, []Class{
		ConnectRefused, ConnectTimeout, ConnectReset, Unreachable, FirstByteTimeout, ServerError, BodyStalled16K,
	}, of)
}
