package dial

import (
	"bufio"
	"context"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

func TestViaIsReadAndRefused(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "socks5://127.0.0.1:9050": "socks5://127.0.0.1:9050", "http://proxy.example:3128/": "http://proxy.example:3128",
		"socks5://reader:secret@[::1]:1080": "socks5://reader@[::1]:1080", "http://reader@proxy.example:1": "http://reader@proxy.example:1",
	} {
		v, err := ParseVia(text)
		require.NoError(t, err, text)
		require.Equal(t, want, v.String())
		require.Equal(t, text == "", v.Direct())
	}
	for text, why := range map[string]string{
		"127.0.0.1:9050": "no URL", "https://proxy.example:443": `the scheme "https" is not known`, "socks5://127.0.0.1": "a host and a port",
		"socks5://:9050": "a host and a port", "http://proxy.example:3128/path": "nothing else", "http://proxy.example:3128?a": "nothing else",
		"http://proxy.example:3128#a": "nothing else", "http://proxy.example:3128?": "nothing else", "socks5://h:99999": "no port",
		"socks5://h:0": "no port", "socks5://:secret@h:1": "a user has", "http://a%3Ab:secret@h:1": "no colon",
		"socks5://" + strings.Repeat("u", 256) + ":secret@h:1": "a user has", "http://u:" + strings.Repeat("s", 256) + "@h:1": "a user has",
	} {
		_, err := ParseVia(text)
		require.ErrorContains(t, err, why, text)
		require.ErrorContains(t, err, acceptedVia, text)
		require.NotContains(t, err.Error(), "secret", text)
	}
}

// socks is a proxy of RFC 1928 that answers with a code, and connects to one address
// whatever it is asked for. It tells what that is.
type socks struct {
	user, password string // RFC 1929; asked for where there is a user
	reply          byte
	to             string
	asked          chan string
}

// serve answers one client.
func (s *socks) serve(conn net.Conn) {
	r := bufio.NewReader(conn)
	take := func(n int) []byte {
		b := make([]byte, n)
		if _, err := io.ReadFull(r, b); err != nil {
			return make([]byte, n)
		}
		return b
	}
	methods := take(int(take(2)[1]))
	switch {
	case s.user == "":
		conn.Write([]byte{5, 0})
	case !strings.Contains(string(methods), "\x02"):
		conn.Write([]byte{5, 0xff})
		return
	default:
		conn.Write([]byte{5, 2})
		user := string(take(int(take(2)[1])))
		if password := string(take(int(take(1)[0]))); user != s.user || password != s.password {
			conn.Write([]byte{1, 1})
			return
		}
		conn.Write([]byte{1, 0})
	}
	head := take(4)
	switch head[3] {
	case 1:
		s.asked <- net.IP(take(4)).String()
	case 3:
		s.asked <- string(take(int(take(1)[0])))
	}
	take(2)
	conn.Write([]byte{5, s.reply, 0, 1, 0, 0, 0, 0, 0, 0})
	if s.reply == 0 {
		join(conn, r, s.to)
	}
}

// join carries both ways between a client and an address.
func join(conn net.Conn, from io.Reader, to string) {
	far, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(conn, far)
		conn.Close()
	}()
	io.Copy(far, from)
	far.Close()
	<-done
}

// via reads a Via.
func via(t *testing.T, text string) Via {
	v, err := ParseVia(text)
	require.NoError(t, err)
	return v
}

func TestSOCKSLeadsToTheOrigin(t *testing.T) {
	s := &socks{to: listen(t, echo), asked: make(chan string, 9)}
	at := listen(t, s.serve)
	conn, err := via(t, "socks5://"+at).DialContext(t.Context(), "tcp", "www.gazette.example:443")
	requireEcho(t, conn, err)
	require.Equal(t, "www.gazette.example", <-s.asked, "names are the proxy's to resolve")
	conn, err = via(t, "socks5://"+at).DialContext(t.Context(), "tcp", "192.0.2.1:443")
	requireEcho(t, conn, err)
	require.Equal(t, "192.0.2.1", <-s.asked)
}

func TestSOCKSTakesUserAndPassword(t *testing.T) { // RFC 1929
	s := &socks{to: listen(t, echo), user: "reader", password: "se:cret", asked: make(chan string, 9)}
	at := listen(t, s.serve)
	conn, err := via(t, "socks5://reader:se:cret@"+at).DialContext(t.Context(), "tcp", "www.gazette.example:443")
	requireEcho(t, conn, err)
	for _, credentials := range []string{"", "reader:wrong@"} {
		_, err = via(t, "socks5://"+credentials+at).DialContext(t.Context(), "tcp", "www.gazette.example:443")
		require.ErrorIs(t, err, health.ErrViaFailed)
		require.Equal(t, health.ViaFailed, health.Classify(err, health.StageConnect))
		require.NotContains(t, err.Error(), "wrong")
	}
}

func TestWhatSOCKSSaysOfTheOriginIsTheOrigins(t *testing.T) { // RFC 1928 §6
	for reply, class := range map[byte]health.Class{
		1: health.ViaFailed, 2: health.ViaFailed, 3: health.Unreachable, 4: health.Unreachable, 5: health.ConnectRefused,
		6: health.Unreachable, 7: health.ViaFailed, 99: health.ViaFailed,
	} {
		s := &socks{reply: reply, asked: make(chan string, 1)}
		_, err := via(t, "socks5://"+listen(t, s.serve)).DialContext(t.Context(), "tcp", "www.gazette.example:443")
		require.Error(t, err)
		require.Equal(t, class, health.Classify(err, health.StageConnect), "%d: %v", reply, err)
	}
}

// tunnel is an HTTP proxy that answers CONNECT with a text, and goes on with the echo.
func tunnel(t *testing.T, text string, asked chan<- *http.Request) string {
	to := listen(t, echo)
	return listen(t, func(conn net.Conn) {
		r := bufio.NewReader(conn)
		request, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		asked <- request
		io.WriteString(conn, text)
		if strings.HasPrefix(text, "HTTP/1.1 2") {
			join(conn, r, to)
		}
	})
}

func TestCONNECTLeadsToTheOrigin(t *testing.T) { // RFC 9110 §9.3.6
	for _, text := range []string{
		"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
	} {
		asked := make(chan *http.Request, 1)
		conn, err := via(t, "http://reader:secret@"+tunnel(t, text, asked)).DialContext(t.Context(), "tcp", "www.gazette.example:443")
		requireEcho(t, conn, err)
		request := <-asked
		require.Equal(t, http.MethodConnect, request.Method)
		require.Equal(t, "www.gazette.example:443", request.RequestURI)
		require.Equal(t, "www.gazette.example:443", request.Host)
		require.Equal(t, "Basic "+base64.StdEncoding.EncodeToString([]byte("reader:secret")), request.Header.Get("Proxy-Authorization"))
		require.Empty(t, request.Header["User-Agent"], "nothing tells who asks")
	}
}

func TestWhatComesWithTheAnswerToCONNECTIsTheOrigins(t *testing.T) {
	at := listen(t, func(conn net.Conn) {
		http.ReadRequest(bufio.NewReader(conn))
		io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\nharbour\n")
		time.Sleep(time.Millisecond)
		io.WriteString(conn, "ahoy\n")
	})
	conn, err := via(t, "http://"+at).DialContext(t.Context(), "tcp", "www.gazette.example:443")
	require.NoError(t, err)
	defer conn.Close()
	text, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Equal(t, "harbour\nahoy\n", string(text))
}

func TestHowAProxyFailsTellsWhoseFaultItIs(t *testing.T) {
	refusing := func(status string) func(net.Conn) {
		return func(conn net.Conn) {
			http.ReadRequest(bufio.NewReader(conn))
			io.WriteString(conn, "HTTP/1.1 "+status+"\r\nContent-Length: 0\r\n\r\n")
		}
	}
	endless := func(conn net.Conn) {
		http.ReadRequest(bufio.NewReader(conn))
		for _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\n"); err == nil; {
			_, err = io.WriteString(conn, "X-Tide: high\r\n")
		}
	}
	closes := func(net.Conn) {}
	garbage := func(conn net.Conn) {
		conn.Read(make([]byte, 1))
		io.WriteString(conn, "220 mail.example ready\r\n\r\n and more to fill what is waited for")
	}
	for _, test := range []struct {
		name, via string
		class     health.Class
	}{
		{"CONNECT forbidden", "http://" + listen(t, refusing("403 Forbidden")), health.ViaFailed},
		{"CONNECT without its password", "http://" + listen(t, refusing("407 Proxy Authentication Required")), health.ViaFailed},
		{"CONNECT: the origin is unreachable", "http://" + listen(t, refusing("502 Bad Gateway")), health.Unreachable},
		{"CONNECT: the same as Squid says it", "http://" + listen(t, refusing("503 Service Unavailable")), health.Unreachable},
		{"CONNECT: the origin is silent", "http://" + listen(t, refusing("504 Gateway Timeout")), health.ConnectTimeout},
		{"CONNECT, an endless header", "http://" + listen(t, endless), health.ViaFailed},
		{"CONNECT, closed", "http://" + listen(t, closes), health.ViaFailed},
		{"CONNECT, garbage", "http://" + listen(t, garbage), health.ViaFailed},
		{"CONNECT, nobody there", "http://" + deadAddress(t), health.ViaFailed},
		{"SOCKS, closed", "socks5://" + listen(t, closes), health.ViaFailed},
		{"SOCKS, garbage", "socks5://" + listen(t, garbage), health.ViaFailed},
		{"SOCKS, nobody there", "socks5://" + deadAddress(t), health.ViaFailed},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := via(t, test.via).DialContext(t.Context(), "tcp", "www.gazette.example:443")
			require.Error(t, err)
			require.Equal(t, test.class, health.Classify(err, health.StageConnect), err)
			require.Equal(t, test.class == health.ViaFailed, strings.Contains(err.Error(), health.ErrViaFailed.Error()))
			require.ErrorContains(t, err, test.via, "it says which proxy")
		})
	}
}

func TestASilentProxyIsGivenUpInTime(t *testing.T) {
	at := listen(t, silence)
	for _, scheme := range []string{"socks5://", "http://"} {
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := via(t, scheme+at).DialContext(ctx, "tcp", "www.gazette.example:443")
		// The socket has the same limit, and may be a moment earlier than the context.
		require.GreaterOrEqual(t, time.Since(began), 45*time.Millisecond, "and not before")
		cancel()
		require.Equal(t, health.ViaFailed, health.Classify(err, health.StageConnect), err)

		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(10*time.Millisecond, cancel)
		_, err = via(t, scheme+at).DialContext(ctx, "tcp", "www.gazette.example:443")
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, health.InternalError, health.Classify(err, health.StageConnect), "which is nobody's failure")
	}
}

func TestADirectConnectionFailsAsItIs(t *testing.T) {
	_, err := Via{}.DialContext(t.Context(), "tcp", deadAddress(t))
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.NotErrorIs(t, err, health.ErrViaFailed)
}
