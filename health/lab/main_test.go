package lab

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// How long tests wait for what needs a moment, and how often they look. The
// first only bounds a failure.
const (
	waitLong = 30 * time.Second
	tick     = time.Millisecond
)

// startLab is a lab that ends with the test.
func startLab(t *testing.T, options Options) *Lab {
	t.Helper()
	l, err := Start(options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// primary is the first origin of a new lab.
func primary(t *testing.T, options Options) (*Lab, *Origin) {
	t.Helper()
	l := startLab(t, options)
	return l, l.Origins()[0]
}

// fetch gets a whole answer, or the error on the way to it.
func fetch(t *testing.T, client *http.Client, url string, fields ...string) (*http.Response, string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLong)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	require.NoError(t, err)
	for i := 0; i < len(fields); i += 2 {
		request.Header.Set(fields[i], fields[i+1])
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer, string(body), err
}

// requireNewspaper checks that the front page comes whole and from the origin.
func requireNewspaper(t *testing.T, client *http.Client, o *Origin) {
	t.Helper()
	answer, body, err := fetch(t, client, o.URL()+"/")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Equal(t, o.Name(), answer.Header.Get("X-Served-By"))
	require.Contains(t, body, Marker)
	require.True(t, bytes.HasSuffix(bytes.TrimSpace([]byte(body)), []byte("</html>")))
}
