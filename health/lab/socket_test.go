package lab

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The key and its answer are the example of RFC 6455 §1.3.
const (
	sampleKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	sampleAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// openSocket upgrades a connection to an origin's echo.
func openSocket(t *testing.T, client *http.Client, url string) io.ReadWriteCloser {
	t.Helper()
	answer, _, err := fetchUpgrade(t, client, url)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, answer.StatusCode)
	require.Equal(t, sampleAccept, answer.Header.Get("Sec-WebSocket-Accept"))
	stream, ok := answer.Body.(io.ReadWriteCloser)
	require.True(t, ok)
	t.Cleanup(func() { stream.Close() })
	return stream
}

func fetchUpgrade(t *testing.T, client *http.Client, url string) (*http.Response, string, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/socket", nil)
	require.NoError(t, err)
	for name, value := range map[string]string{
		"Connection": "keep-alive, Upgrade", "Upgrade": "websocket",
		"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": sampleKey,
	} {
		request.Header.Set(name, value)
	}
	answer, err := client.Do(request)
	return answer, "", err
}

// masked is a frame as a client sends it.
func masked(first byte, payload []byte) []byte {
	var frame bytes.Buffer
	w := bufio.NewWriter(&frame)
	writeFrame(w, first, payload)
	raw := frame.Bytes()
	head := raw[:len(raw)-len(payload)]
	head[1] |= 0x80
	mask := []byte{1, 2, 3, 4}
	out := append(append([]byte{}, head...), mask...)
	for i, b := range payload {
		out = append(out, b^mask[i%4])
	}
	return out
}

// next reads one unmasked frame.
func next(t *testing.T, stream io.Reader) (first byte, payload []byte) {
	t.Helper()
	var head [2]byte
	_, err := io.ReadFull(stream, head[:])
	require.NoError(t, err)
	length := uint64(head[1])
	switch length {
	case 126:
		var wide uint16
		require.NoError(t, binary.Read(stream, binary.BigEndian, &wide))
		length = uint64(wide)
	case 127:
		require.NoError(t, binary.Read(stream, binary.BigEndian, &length))
	}
	payload = make([]byte, length)
	_, err = io.ReadFull(stream, payload)
	require.NoError(t, err)
	return head[0], payload
}

func TestRFC6455Echo(t *testing.T) {
	l, origin := primary(t, Options{})
	stream := openSocket(t, l.Client(), origin.URL())
	for _, test := range []struct {
		name        string
		sent, first byte
		payload     string
	}{
		{"§5.6 text", 0x81, 0x81, "ahoy"},
		{"§5.6 binary with nothing in it", 0x82, 0x82, ""},
		{"§5.2 length in 16 bits", 0x82, 0x82, strings.Repeat("a", 126)},
		{"§5.2 length in 64 bits", 0x82, 0x82, strings.Repeat("b", 1<<16)},
		{"§5.4 first fragment", 0x01, 0x01, "half a "},
		{"§5.4 last fragment", 0x80, 0x80, "message"},
		{"§5.5.3 ping is answered with pong", 0x89, 0x8A, "are you there"},
		{"§5.5.1 close is answered with close", 0x88, 0x88, "\x03\xe8"},
	} {
		_, err := stream.Write(masked(test.sent, []byte(test.payload)))
		require.NoError(t, err, test.name)
		first, payload := next(t, stream)
		require.Equal(t, test.first, first, test.name)
		require.Equal(t, test.payload, string(payload), test.name)
	}
	_, err := stream.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
}

func TestRFC6455UnmaskedAndOversizedFramesEndTheSocket(t *testing.T) {
	l, origin := primary(t, Options{})
	for name, frame := range map[string][]byte{
		"§5.1 unmasked": {0x81, 1, 'x'},
		"too long":      binary.BigEndian.AppendUint64([]byte{0x82, 0x80 | 127}, frameMost+1),
	} {
		stream := openSocket(t, l.Client(), origin.URL())
		_, err := stream.Write(frame)
		require.NoError(t, err, name)
		_, err = stream.Read(make([]byte, 1))
		require.Error(t, err, name)
	}
}

func TestRFC6455HandshakeIsChecked(t *testing.T) {
	good := []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", sampleKey}
	for _, test := range []struct{ name, field, value string }{
		{"§4.2.1 no upgrade", "Upgrade", "h2c"},
		{"§4.2.1 no connection option", "Connection", "close"},
		{"§4.2.1 old version", "Sec-WebSocket-Version", "8"},
		{"§4.2.1 short key", "Sec-WebSocket-Key", "c2hvcnQ="},
	} {
		answer := ask(http.MethodGet, "/socket", nil, append(append([]string{}, good...), test.field, test.value)...)
		require.Equal(t, http.StatusUpgradeRequired, answer.Code, test.name)
		require.Equal(t, "13", answer.Header().Get("Sec-WebSocket-Version"), test.name)
	}
}

func TestMendedOriginOpensSocketsAgain(t *testing.T) {
	l, origin := primary(t, Options{})
	stream := openSocket(t, l.Client(), origin.URL())
	require.NoError(t, origin.Break(Down))
	_, err := stream.Read(make([]byte, 1))
	require.Error(t, err)
	_, _, err = fetchUpgrade(t, l.Client(), origin.URL())
	require.Error(t, err)
	require.NoError(t, origin.Mend())
	openSocket(t, l.Client(), origin.URL())
}
