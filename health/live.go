package health

const (
	liveRow     = 3  // failed requests in a row that accuse an origin; readers then avoid it, so more may never come
	liveVolume  = 10 // fewer requests in the window than this say nothing about a rate
	liveSeconds = 10 // length of the window
)

// Live counts readers' requests to one origin: the present row of failures and
// a window of the last 10 s in slots of one second. The zero value has seen none.
type Live struct {
	Failures int // in a row, since the latest good probe

	newest int64 // Unix second of the newest slot
	slots  [liveSeconds]tally
}

type tally struct{ good, bad uint32 }

// Window is how many requests the last 10 s saw, and how many of them failed.
func (l Live) Window() (requests, failures int) {
	for _, t := range l.slots {
		requests += int(t.good) + int(t.bad)
		failures += int(t.bad)
	}
	return requests, failures
}

// failing reports whether the requests accuse the origin.
func (l Live) failing() bool {
	if l.Failures >= liveRow {
		return true
	}
	requests, failures := l.Window()
	return requests >= liveVolume && 2*failures >= requests
}

// counted adds one request.
func (l Live) counted(o Observation) Live {
	if o.OK() {
		l.Failures = 0
	} else {
		l.Failures++
	}
	second := o.At.Unix()
	if second <= l.newest-liveSeconds {
		return l // finished out of order, and too old for the window
	}
	for s := max(l.newest+1, second-liveSeconds+1); s <= second; s++ {
		l.slots[uint64(s)%liveSeconds] = tally{}
	}
	l.newest = max(l.newest, second)
	slot := &l.slots[uint64(second)%liveSeconds]
	if o.OK() {
		slot.good++
	} else {
		slot.bad++
	}
	return l
}
