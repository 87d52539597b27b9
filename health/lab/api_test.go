package lab

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// call puts one request to the API and reads its JSON into answer.
func call(t *testing.T, l *Lab, method, target, body string, answer any) int {
	t.Helper()
	request := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	recorder := httptest.NewRecorder()
	http.StripPrefix("/api/v1/lab", l.Handler()).ServeHTTP(recorder, request)
	mediaType := "application/json"
	if recorder.Code >= 400 {
		mediaType = "application/problem+json"
	}
	require.Equal(t, mediaType, recorder.Header().Get("Content-Type"))
	require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), answer))
	return recorder.Code
}

func TestAPIShowsOriginsFaultsAndReaders(t *testing.T) {
	l := startLab(t, Options{})
	l.Attach(&Reader{Name: "north"})
	var report labReport
	require.Equal(t, http.StatusOK, call(t, l, "GET", "/api/v1/lab/", "", &report))
	require.Len(t, report.Origins, 3)
	require.Equal(t, "primary", report.Origins[0].Alias)
	require.Equal(t, l.Origins()[0].URL(), report.Origins[0].URL)
	require.Len(t, report.Faults, len(Faults()))
	require.Len(t, report.Readers, 1)
	require.Equal(t, "north", report.Readers[0].Name)
}

func TestAPIBreaksAndMends(t *testing.T) {
	l := startLab(t, Options{})
	first := l.Origins()[0]
	var report originReport
	require.Equal(t, http.StatusOK, call(t, l, "POST", "/api/v1/lab/primary/break?fault=seized", "", &report))
	require.Equal(t, Seized, report.Fault)
	require.Equal(t, Seized.Description(), report.Description)
	require.Equal(t, Seized, first.Fault())

	require.Equal(t, http.StatusOK, call(t, l, "POST", "/api/v1/lab/gazette.example.net/break", `{"fault": "down"}`, &report))
	require.Equal(t, Down, l.Origins()[1].Fault())

	require.Equal(t, http.StatusOK, call(t, l, "POST", "/api/v1/lab/primary/mend", "", &report))
	require.Equal(t, NoFault, first.Fault())
	require.Equal(t, Down, l.Origins()[1].Fault())

	var whole labReport
	require.Equal(t, http.StatusOK, call(t, l, "POST", "/api/v1/lab/mend", "", &whole))
	require.Equal(t, NoFault, l.Origins()[1].Fault())
	require.Empty(t, whole.Origins[1].Fault)
}

func TestAPIRefusesAndSaysWhatItAccepts(t *testing.T) {
	l := startLab(t, Options{Plain: true})
	for _, test := range []struct {
		name, method, target, body string
		status                     int
		accepted, not              string
	}{
		{"unknown origin", "POST", "/alternate9/break?fault=down", "", 404, "alternate2", "alternate9"},
		{"unknown origin to mend", "POST", "/nobody/mend", "", 404, "www.gazette.example", "nobody"},
		{"unknown fault", "POST", "/primary/break?fault=downn", "", 400, "down", "downn"},
		{"no fault", "POST", "/primary/break", "", 400, "down", ""},
		{"fault for TLS only", "POST", "/primary/break?fault=expired", "", 400, "down", "expired"},
		{"empty body", "POST", "/primary/break", "{}", 400, "down", ""},
		{"body that is no JSON", "POST", "/primary/break", "fault=down", 400, "down", ""},
		{"wrong method", "GET", "/primary/break", "", 404, "GET /", ""},
		{"unknown path", "POST", "/primary/haunt", "", 404, "POST /mend", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var refusal problem
			require.Equal(t, test.status, call(t, l, test.method, "/api/v1/lab"+test.target, test.body, &refusal))
			require.Equal(t, test.status, refusal.Status)
			require.NotEmpty(t, refusal.Detail)
			require.Contains(t, refusal.Accepted, test.accepted)
			require.NotContains(t, refusal.Accepted, test.not)
			require.Equal(t, NoFault, l.Origins()[0].Fault())
		})
	}
}

func TestAPISaysWhenTheLabIsClosed(t *testing.T) {
	l := startLab(t, Options{})
	require.NoError(t, l.Close())
	var refusal problem
	require.Equal(t, http.StatusInternalServerError, call(t, l, "POST", "/api/v1/lab/primary/break?fault=down", "", &refusal))
	require.Contains(t, refusal.Detail, "the lab is closed")
}
