package resolve

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBogonsAreRecognised(t *testing.T) {
	for _, address := range []string{
		"0.0.0.0", "10.10.34.34", "100.64.0.1", "127.0.0.1", "127.0.53.53", "169.254.1.1", "172.31.255.255", "192.0.0.8",
		"192.0.2.1", "192.168.1.1", "198.19.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "255.255.255.255",
		"::", "::1", "::ffff:8.8.8.8", "::8.8.8.8", "100::1", "2001:10::1", "2001:db8::1", "fd00::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
		"2002:7f00:1::", "2002:c0a8:101::1", "2001:0:a00:1::1", "2001:0:808:808::80ff:fffe", "64:ff9b::7f00:1", "64:ff9b:1::808:808",
	} {
		why, is := Bogons{}.Contains(ip(address))
		require.True(t, is, address)
		require.NotEmpty(t, why)
	}
	for _, address := range []string{"8.8.8.8", "100.128.0.1", "172.32.0.1", "2a00:1450::1", "2002:808:808::1", "64:ff9b::808:808", "2001:0:808:808::f7f7:f7f7"} {
		why, is := Bogons{}.Contains(ip(address))
		require.False(t, is, "%s: %s", address, why)
	}
}

func TestAllowedNetworksAreNoBogons(t *testing.T) {
	b := Bogons{Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.1.0.0/16")}}
	for address, want := range map[string]bool{
		"127.0.0.1": false, "10.1.2.3": false, "2002:7f00:1::": false, "10.2.0.1": true, "::1": true, "::ffff:127.0.0.1": true,
	} {
		_, is := b.Contains(ip(address))
		require.Equal(t, want, is, address)
	}
}

func TestTheSetOfBogonsCanBeReplaced(t *testing.T) {
	b := Bogons{Refused: []netip.Prefix{netip.MustParsePrefix("8.8.8.0/24")}}
	_, is := b.Contains(ip("8.8.8.8"))
	require.True(t, is)
	_, is = b.Contains(ip("10.0.0.1"))
	require.False(t, is)
	usable, bogons := b.split(ips("10.0.0.1", "8.8.8.8", "9.9.9.9"))
	require.Equal(t, ips("10.0.0.1", "9.9.9.9"), usable)
	require.Equal(t, ips("8.8.8.8"), bogons)
}

func TestNothingAllowsAMetadataService(t *testing.T) {
	everything := Bogons{Refused: []netip.Prefix{}, Allowed: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}}
	for _, address := range []string{
		"169.254.169.254", "fd00:ec2::254", "100.100.100.200", "::ffff:169.254.169.254", "2002:a9fe:a9fe::1", "64:ff9b::a9fe:a9fe",
		"2001:0:808:808::5601:5601",
	} {
		why, is := everything.Contains(ip(address))
		require.True(t, is, address)
		require.Equal(t, "a metadata service", why)
	}
}
