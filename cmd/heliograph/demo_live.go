package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/heliograph-edge/heliograph/health/lab"
)

const (
	lookEvery   = 200 * time.Millisecond // for changes
	redrawEvery = 5                      // looks: once a second
	latelySpan  = 5                      // redraws that the view counts as lately
)

// The codes of ECMA-48 that the view is drawn with. Lines are cut at the
// terminal's edge while it lasts.
const (
	clearScreen = "\x1b[2J\x1b[?7l"
	toTop       = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
	savePlace   = "\x1b7"
	returnThere = "\x1b8"
	wrapAgain   = "\x1b[?7h"
)

// live shows the stage while it is played on by hand.
type live struct {
	stage  *stage
	out    io.Writer
	drawn  bool // out is a terminal: the view is drawn over itself
	last   sight
	past   []lab.Tally // of each of the last redraws, the oldest first
	recent []happening
	answer []string
	paged  bool // a long answer stands in the view's place, until the next line is typed
}

// newLive returns a live view of the stage on out.
func newLive(s *stage, out io.Writer) *live { return &live{stage: s, out: out, drawn: onTerminal(out)} }

// run lets the reader in and shows the stage until ctx ends, quit is ordered, or a
// listener breaks.
func (l *live) run(ctx context.Context, lines <-chan string) error {
	l.begin()
	defer l.end()
	l.stage.open()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for looks := 1; ; {
		select {
		case <-ticker.C:
			l.look()
			if looks%redrawEvery == 0 {
				l.show()
			}
			looks++
		case line, ok := <-lines:
			if !ok {
				lines = nil // the input is at its end, the demonstration is not
				continue
			}
			if l.order(line) == verbQuit {
				return nil
			}
		case err := <-l.stage.edge.failed:
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

// begin prints what there is to open and to type.
func (l *live) begin() {
	l.last = l.stage.look()
	if l.drawn {
		fmt.Fprint(l.out, clearScreen)
		l.show()
		return
	}
	fmt.Fprintf(l.out, "The Harbour Gazette is at %s/, the admin API at %s/, the edge's log in %s.\n",
		l.stage.front, l.stage.admin, l.stage.log.Name())
	fmt.Fprintf(l.out, "Break and mend origins here or with POST %s/api/v1/lab/primary/break?fault=down\n\n%s\n\n",
		l.stage.admin, strings.Join(orderLines, "\n"))
}

// end leaves the terminal as it was found.
func (l *live) end() {
	if l.drawn {
		fmt.Fprint(l.out, clearBelow, wrapAgain, "\n")
	}
}

// look notes what has changed.
func (l *live) look() {
	now := l.stage.look()
	for _, text := range now.changes(l.last) {
		h := happening{now.at, text}
		l.recent = append(l.recent[max(0, len(l.recent)-recentLines):], h)
		if !l.drawn {
			fmt.Fprintln(l.out, h.line())
		}
	}
	l.last = now
}

// order obeys a typed line.
func (l *live) order(line string) verb {
	ordered, err := parseOrder(line, l.stage.aliases())
	switch {
	case strings.TrimSpace(line) == "":
		l.answer = nil
	case err != nil:
		l.answer = []string{err.Error()}
	case ordered.verb == verbQuit:
		return verbQuit
	default:
		l.answer = l.stage.obey(ordered)
	}
	l.look()
	if l.drawn {
		l.turn()
		return ordered.verb
	}
	for _, said := range l.answer {
		fmt.Fprintln(l.out, said)
	}
	return ordered.verb
}

// turn draws what follows a command: the view, or a page of its own for an answer that is
// longer than the view has room for.
func (l *live) turn() {
	before := l.paged
	l.paged = len(l.answer) > recentLines
	switch {
	case l.paged:
		fmt.Fprint(l.out, clearScreen, toTop, strings.Join(l.answer, "\n"), "\n\nEnter leads back.\n> ")
		l.answer = nil
	case before:
		fmt.Fprint(l.out, clearScreen)
		fallthrough
	default:
		l.redraw(toTop)
	}
}

// show shows the moment and counts it as past.
func (l *live) show() {
	l.past = append(l.past[max(0, len(l.past)-latelySpan):], l.stage.reader.Tally())
	switch {
	case l.paged:
		return
	case l.drawn:
		l.redraw(savePlace + toTop)
		return
	}
	fmt.Fprintln(l.out, l.view().plain())
}

// view is what there is to show now.
func (l *live) view() view {
	return view{
		front: l.stage.front, admin: l.stage.admin, log: l.stage.log.Name(),
		now: l.last, lately: l.stage.byAlias(l.stage.reader.TallySince(l.past[0])),
		span: time.Duration(max(len(l.past)-1, 1)) * time.Second, recent: l.recent, answer: l.answer,
	}
}

// redraw draws the view from the given place. What is being typed below it is
// left alone when the place was saved, else the prompt is new.
func (l *live) redraw(from string) {
	var b strings.Builder
	b.WriteString(from)
	for _, line := range l.view().lines() {
		b.WriteString(line + clearLine + "\n")
	}
	if strings.HasPrefix(from, savePlace) && len(l.past) > 1 {
		b.WriteString(returnThere)
	} else {
		b.WriteString(clearBelow + "> ")
	}
	_, _ = io.WriteString(l.out, b.String()) // a terminal that is gone ends the program by itself
}
