package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/lab"
)

// onActive stands for the alias of the origin that readers are on when a scene begins.
const onActive = "active"

// change is what a scene does to an origin, "all" of them, or the active one.
type change struct {
	alias string
	fault lab.Fault // NoFault mends
}

// scene is one part of a story.
type scene struct {
	title   string
	share   float64  // of the story's time, relative to the others'
	after   string   // alias of an origin that must be healthy before the scene begins; may be empty
	changes []change // in order
	// stored: readers ask only for pages that they had before. No edge can have
	// a page that nobody has asked for while there is an origin to ask.
	stored bool
}

// gazetteStory is what happens to the newspaper. At every moment but one an origin is
// healthy that never showed a foreign page: one that did is not trusted before it was
// seen good five times, and one that was down not before twice, however long the story.
func gazetteStory() []scene {
	return []scene{
		{title: "every origin is well", share: 2},
		{title: "the primary is killed: its port is closed", share: 2, changes: []change{{"primary", lab.Down}}},
		{title: "the primary is restored; readers return to it when it has been well for a minute", share: 1.5,
			changes: []change{{"primary", lab.NoFault}}},
		{title: "a provider's block page stands in the primary's place", share: 2,
			changes: []change{{"primary", lab.BlockPage}}},
		{title: "alternate1 answers 500 to everything, and the primary is still blocked", share: 2,
			changes: []change{{"alternate1", lab.Error500}}},
		{title: "alternate1 is restored", share: 3.5, changes: []change{{"alternate1", lab.NoFault}}},
		{title: "the origin that readers are on turns into a block page, too", share: 1.5, after: "alternate1",
			changes: []change{{onActive, lab.BlockPage}}},
		{title: "the alternates are restored; the primary shows a certificate for another name", share: 2,
			changes: []change{{"alternate1", lab.NoFault}, {"alternate2", lab.NoFault}, {"primary", lab.WrongName}}},
		{title: "every connection to the primary is reset", share: 1.5, changes: []change{{"primary", lab.Reset}}},
		{title: "the primary is restored; the origin that readers are on becomes slow", share: 2,
			changes: []change{{"primary", lab.NoFault}, {onActive, lab.Slow}}},
		{title: "every origin is down; readers ask for pages that they had before", share: 1.5, stored: true,
			changes: []change{{"all", lab.Down}}},
		{title: "every origin is restored; readers ask for anything again", share: 2, changes: []change{{"all", lab.NoFault}}},
	}
}

// tellStory plays the scenes before readers in the given time, prints each with
// what readers got during it, and sums them up. A context that ends cuts the
// story short, and the summary says so.
func tellStory(ctx context.Context, s *stage, story []scene, length time.Duration, out io.Writer) (*summary, error) {
	shares := 0.0
	for _, part := range story {
		shares += part.share
	}
	sum := &summary{}
	started := time.Now()
	began := started // moved on by what scenes wait for
	s.open()
	end := 0.0
	for _, part := range story {
		waited, err := s.awaitHealthy(ctx, part.after)
		if err != nil {
			return nil, err
		}
		began = began.Add(waited)
		before := s.reader.Tally()
		at := time.Since(started)
		if err := s.play(part); err != nil {
			return nil, err
		}
		fmt.Fprintf(out, "%5.1f s  %s\n", at.Seconds(), part.title)
		end += part.share / shares
		err = s.waitUntil(ctx, began.Add(time.Duration(end*float64(length))))
		if err != nil && ctx.Err() == nil {
			return nil, err
		}
		told := sceneSummary{Title: part.title, At: at.Seconds(), Active: s.active(), got: s.byAlias(s.reader.TallySince(before))}
		fmt.Fprintf(out, "         %s; readers on %s; %s\n", tellTally(told.got), told.Active, tellOrigins(s.look()))
		sum.Scenes = append(sum.Scenes, told.counted())
		if err != nil {
			sum.Interrupted = true
			break
		}
	}
	s.empty()
	return sum, sum.close(s, time.Since(started))
}

// recovery bounds how long a scene waits for an origin.
const recovery = 10 * time.Second

// awaitHealthy waits until an origin is healthy, and says for how long. It waits for none
// without an alias, and no longer than ctx. The error is that of a listener that broke.
func (s *stage) awaitHealthy(ctx context.Context, alias string) (time.Duration, error) {
	began := time.Now()
	well := func(o originSight) bool { return o.alias == alias && o.verdict == health.Healthy }
	for alias != "" && ctx.Err() == nil && time.Since(began) < recovery && !slices.ContainsFunc(s.look().origins, well) {
		if err := s.waitUntil(ctx, time.Now().Add(lookEvery)); err != nil && ctx.Err() == nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}

// waitUntil waits for the end of a scene. The error is ctx's, or that of a
// listener that broke.
func (s *stage) waitUntil(ctx context.Context, end time.Time) error {
	rest := time.NewTimer(time.Until(end))
	defer rest.Stop()
	select {
	case <-rest.C:
		return nil
	case err := <-s.edge.failed:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// play does to the origins and readers what a scene says. Readers are held back
// before the origins break, and let go after they are mended. What they asked for
// already must be answered first, and a slow origin would take its time over it.
func (s *stage) play(part scene) error {
	active := s.active()
	var errs []error
	if part.stored {
		errs = append(errs, s.put("all", lab.NoFault))
		s.reader.Revisit(true)
	}
	for _, c := range part.changes {
		if c.alias == onActive {
			c.alias = active
		}
		errs = append(errs, s.put(c.alias, c.fault))
	}
	if !part.stored {
		s.reader.Revisit(false)
	}
	return errors.Join(errs...)
}

// tellOrigins is every origin's verdict as part of a sentence.
func tellOrigins(s sight) string {
	var told []string
	for _, o := range s.origins {
		told = append(told, o.alias+" "+tellVerdict(o))
	}
	return strings.Join(told, ", ")
}
