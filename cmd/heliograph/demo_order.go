package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/lab"
)

// verb is what a typed command does.
type verb string

// The closed set of verbs.
const (
	verbBreak  verb = "break"
	verbMend   verb = "mend"
	verbClear  verb = "clear"
	verbRead   verb = "read"
	verbFaults verb = "faults"
	verbHelp   verb = "help"
	verbQuit   verb = "quit"
)

// order is a typed command.
type order struct {
	verb   verb
	origin string // alias; "all" for every origin
	fault  lab.Fault
	known  bool      // of read: only what is known to be stored
	stage  lab.Stage // of faults; empty for all
}

// orderLines say what can be typed.
var orderLines = []string{
	"break ORIGIN FAULT   put a fault in an origin's way, for instance: break primary block-page",
	"mend [ORIGIN]        take the fault away again, of every origin if none is named",
	"clear ORIGIN         say that an origin which was hijacked is the newspaper's again",
	"faults [STAGE]       list the faults: resolve, connect, handshake, request, body, identity",
	"read known|any       let the reader ask only for pages it had before, or for others, too",
	"help, quit           ORIGIN is primary, alternate1, alternate2 or all; short: b p down, m 1, q",
}

// parseOrder reads a typed command. A refusal says what would be accepted.
func parseOrder(line string, origins []string) (order, error) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return order{}, errors.New("type help to see what there is")
	}
	rest := words[1:]
	switch strings.ToLower(words[0]) {
	case "b", "break":
		return parseBreak(rest, origins)
	case "m", "mend":
		return parseMend(rest, origins)
	case "r", "read":
		if len(rest) == 1 && (rest[0] == "known" || rest[0] == "any") {
			return order{verb: verbRead, known: rest[0] == "known"}, nil
		}
		return order{}, errors.New("read takes known or any")
	case "c", "clear":
		return parseClear(rest, origins)
	case "f", "faults":
		return parseFaults(rest)
	case "h", "?", "help":
		return order{verb: verbHelp}, nil
	case "q", "quit", "exit":
		return order{verb: verbQuit}, nil
	}
	return order{}, fmt.Errorf("%q is no command: use break, mend, clear, read, faults, help or quit", words[0])
}

// parseBreak reads what follows break.
func parseBreak(words, origins []string) (order, error) {
	if len(words) < 2 {
		return order{}, errors.New("break takes an origin and a fault, such as: break primary block-page")
	}
	alias, err := parseAlias(words[0], origins)
	if err != nil {
		return order{}, err
	}
	named := strings.Join(words[1:], " ")
	fault, err := lab.ParseFault(strings.ToLower(named))
	if err != nil {
		return order{}, fmt.Errorf("no fault is named %q: type faults to list them", named)
	}
	return order{verb: verbBreak, origin: alias, fault: fault}, nil
}

// parseMend reads what follows mend.
func parseMend(words, origins []string) (order, error) {
	switch len(words) {
	case 0:
		return order{verb: verbMend, origin: "all"}, nil
	case 1:
		alias, err := parseAlias(words[0], origins)
		if err != nil {
			return order{}, err
		}
		return order{verb: verbMend, origin: alias}, nil
	}
	return order{}, errors.New("mend takes one origin, or none to mend all")
}

// parseClear reads what follows clear.
func parseClear(words, origins []string) (order, error) {
	if len(words) != 1 || words[0] == "all" {
		return order{}, errors.New("clear takes one origin, such as: clear primary")
	}
	alias, err := parseAlias(words[0], origins)
	return order{verb: verbClear, origin: alias}, err
}

// parseFaults reads what follows faults.
func parseFaults(words []string) (order, error) {
	switch stages := lab.Stages(); {
	case len(words) == 0:
		return order{verb: verbFaults}, nil
	case len(words) == 1 && slices.Contains(stages, lab.Stage(strings.ToLower(words[0]))):
		return order{verb: verbFaults, stage: lab.Stage(strings.ToLower(words[0]))}, nil
	}
	return order{}, fmt.Errorf("no stage is named %q: use one of %v, or none for all", strings.Join(words, " "), lab.Stages())
}

// parseAlias reads an origin's alias or its short form: p, or the number of an alternate.
func parseAlias(word string, origins []string) (string, error) {
	word = strings.ToLower(word)
	for _, alias := range slices.Concat(origins, []string{"all"}) {
		if word == alias || word == shortAlias(alias) {
			return alias, nil
		}
	}
	return "", fmt.Errorf("no origin is named %q: use %s or all", word, strings.Join(origins, ", "))
}

// shortAlias is what may be typed for an alias.
func shortAlias(alias string) string {
	if number, ok := strings.CutPrefix(alias, "alternate"); ok {
		return number
	}
	return alias[:1]
}

// obey does what was ordered and returns what to say about it.
func (s *stage) obey(o order) []string {
	switch o.verb {
	case verbHelp:
		return orderLines
	case verbFaults:
		return faultLines(o.stage)
	case verbRead:
		// Revisit waits for requests under way, and the view does not.
		s.running.Go(func() { s.reader.Revisit(o.known) })
		if o.known {
			return []string{"the reader asks only for pages it had before"}
		}
		return []string{"the reader asks for pages that nobody has asked for, too"}
	case verbClear:
		if err := s.edge.clear(health.ID{Site: lab.Site, Origin: o.origin}); err != nil {
			return []string{err.Error()}
		}
		return []string{o.origin + " is taken for the newspaper's again once five looks in a row were good"}
	}
	if err := s.put(o.origin, o.fault); err != nil {
		return []string{err.Error()}
	}
	return nil // the view tells of the change itself
}

// faultLines lists the faults of a stage, or of all, one on each line.
func faultLines(only lab.Stage) []string {
	return tabulate(func(w io.Writer) {
		for _, stage := range lab.Stages() {
			if only != "" && stage != only {
				continue
			}
			label := string(stage)
			for _, f := range lab.FaultsAt(stage) {
				fmt.Fprintf(w, "%s\t%s\t%s\n", label, f, f.Description())
				label = ""
			}
		}
	})
}

// put puts a fault in force at an origin, or at all; NoFault mends.
func (s *stage) put(alias string, fault lab.Fault) error {
	var errs []error
	for _, o := range s.lab.Origins() {
		if alias == "all" || o.Alias() == alias {
			errs = append(errs, o.Break(fault))
		}
	}
	return errors.Join(errs...)
}

// readLines sends each line of the input, and closes the channel when there is
// none any more or ctx ends.
func readLines(ctx context.Context, in io.Reader) <-chan string {
	lines := make(chan string)
	if file, ok := in.(*os.File); ok {
		in = &polled{ctx, file}
	}
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(in); scanner.Scan(); {
			select {
			case lines <- scanner.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines
}

// pollPause is how long, in milliseconds, a read of a terminal goes on after the
// end of its context.
const pollPause = 100

// polled reads a terminal or pipe until a context ends. A plain read of one
// cannot be interrupted.
type polled struct {
	ctx  context.Context
	file *os.File
}

// Read implements io.Reader.
func (p *polled) Read(b []byte) (int, error) {
	for p.ctx.Err() == nil {
		waiting := []unix.PollFd{{Fd: int32(p.file.Fd()), Events: unix.POLLIN}}
		n, err := unix.Poll(waiting, pollPause)
		switch {
		case err != nil && !errors.Is(err, unix.EINTR):
			return 0, err
		case n > 0:
			return p.file.Read(b)
		}
	}
	return 0, io.EOF
}
