// Event streams for k6: one virtual user watches many at once, so that a thousand viewers cost no thousand interpreters.
//
// What must always hold: nothing is forgiven. A stream that ends before its time, or cannot be opened, is opened again, as a
// browser would, and counted as cut.
// What it costs: a goroutine and a connection per stream. An event is kept as it came; only the last one is handed out.
// Deliberately absent: callbacks per event, as nobody who loads a system reads them all.
package main

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"go.k6.io/k6/js/modules"
)

const (
	// How long a viewer waits before it opens its stream again.
	againAfter = time.Second
	// Longest line of an event; those of a sale have some hundred bytes per item.
	lineMax = 1 << 20
)

// Seen is what one stream showed.
type Seen struct {
	// How many events.
	Events int `js:"events"`
	// How often it ended before its time or could not be opened.
	Cuts int `js:"cuts"`
	// From opening it until its first event, in milliseconds.
	FirstMs float64 `js:"firstMs"`
	// How long it was watched, from its first event, in milliseconds.
	WatchedMs float64 `js:"watchedMs"`
	// The data of the last event.
	Last string `js:"last"`
}

type root struct{}

type instance struct{ vu modules.VU }

func (*root) NewModuleInstance(vu modules.VU) modules.Instance { return &instance{vu} }

func (i *instance) Exports() modules.Exports {
	return modules.Exports{Named: map[string]any{"watch": i.watch}}
}

// watch opens a stream of each address and reads them for so many seconds; what each of them showed.
func (i *instance) watch(urls []string, seconds float64) []Seen {
	within := time.Duration(seconds * float64(time.Second))
	watching, done := context.WithTimeout(i.vu.Context(), within)
	defer done()
	dialer := i.vu.State().Dialer
	// Every stream has a connection of its own: that is what a viewer costs.
	transport := &http.Transport{DialContext: dialer.DialContext, DisableCompression: true, TLSClientConfig: i.vu.State().TLSConfig}
	defer transport.CloseIdleConnections()
	seen := make([]Seen, len(urls))
	var all sync.WaitGroup
	for at, url := range urls {
		all.Go(func() { follow(watching, transport, url, &seen[at]) })
	}
	all.Wait()
	return seen
}

// follow watches one address until its time is over.
func follow(watching context.Context, transport http.RoundTripper, url string, seen *Seen) {
	opened := time.Now()
	var first time.Time
	for {
		read(watching, transport, url, func(data string) {
			if first.IsZero() {
				first = time.Now()
				seen.FirstMs = milliseconds(first.Sub(opened))
			}
			seen.Events++
			seen.Last = data
		})
		if watching.Err() != nil {
			break
		}
		seen.Cuts++
		select {
		case <-watching.Done():
		case <-time.After(againAfter):
		}
	}
	if !first.IsZero() {
		seen.WatchedMs = milliseconds(time.Since(first))
	}
}

// read opens one stream and hands its events out until it ends, however it does.
func read(watching context.Context, transport http.RoundTripper, url string, take func(string)) {
	request, err := http.NewRequestWithContext(watching, http.MethodGet, url, nil)
	if err != nil {
		return
	}
	request.Header.Set("Accept", "text/event-stream")
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return
	}
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(make([]byte, 0, 4096), lineMax)
	for lines.Scan() {
		if data, found := strings.CutPrefix(lines.Text(), "data:"); found {
			take(strings.TrimPrefix(data, " "))
		}
	}
}

func milliseconds(duration time.Duration) float64 {
	return float64(duration) / float64(time.Millisecond)
}
