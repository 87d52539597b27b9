package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliograph-edge/heliograph/configs"
	"github.com/heliograph-edge/heliograph/health/canary"
)

// The times that a canary may be signed for. One that is good for ever would be as
// good for whoever copied it.
const (
	minValid, maxValid = time.Minute, 366 * 24 * time.Hour
	usualValid         = "7d"
)

// canaryCommand holds the commands of whoever signs for a publication.
func canaryCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "canary",
		Short: "Make keys, and sign or verify the proof that an origin is the publication's",
		Long: `A canary is a small signed text that stands at ` + canary.Path + ` on every
origin. With its public key in the configuration, an edge uses no origin that does
not have it: a copy of the pages on a seized domain cannot make one. It expires, so
sign a new one in time, for instance every day.`,
		Example: `  heliograph canary new --site gazette
  heliograph canary sign --key gazette.canary-key -o site/.well-known/heliograph-canary
  heliograph canary verify --key heliograph-canary-key:… https://www.gazette.example`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(canaryNewCommand(), canarySignCommand(), canaryVerifyCommand())
	return c
}

// canaryNewCommand makes a pair of keys.
func canaryNewCommand() *cobra.Command {
	var site, file string
	c := &cobra.Command{
		Use:   "new --site NAME",
		Short: "Make the keys of a site's canaries",
		Long: `Make a pair of keys for the canaries of a site, write the private one into a file
that only its owner can read, and print the public one and where it belongs. A file
that is there already is never replaced.`,
		Example: "  heliograph canary new --site gazette",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			key, err := canary.NewSigningKey(site, rand.Reader)
			if err != nil {
				return &usageError{c.CommandPath(), fmt.Errorf("--site: %w", err)}
			}
			if file == "" {
				file = site + ".canary-key"
			}
			if err := writeNew(file, key.File()); err != nil {
				return fmt.Errorf("the private key cannot be kept: %w", err)
			}
			return tellNewKey(c.OutOrStdout(), key, file)
		},
	}
	c.Flags().StringVar(&site, "site", "", "`NAME` of the site, as in the configuration")
	c.Flags().StringVar(&file, "key", "", "`FILE` for the private key (default NAME.canary-key)")
	return c
}

// writeNew writes a file for its owner's eyes, where none is yet.
func writeNew(path, content string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// tellNewKey prints what to do with a new pair of keys.
func tellNewKey(w io.Writer, key canary.SigningKey, file string) error {
	_, err := fmt.Fprintf(w, `private key   %[1]s (keep it secret, keep a copy, and keep it off edges and origins)
public key    %[2]s

1. Sign, and put the file on every origin at %[4]s:

     heliograph canary sign --key %[1]s -o %[5]s

2. When it is there, add the public key to the site in the configuration of every edge:

     sites:
       - name: %[3]s
         identity:
           canary: {key: "%[2]s"}

3. Sign anew before it expires, for instance every day.
`, file, key.Public(), key.Site(), canary.Path, path.Base(canary.Path))
	return err
}

// signFlags are the flags of canary sign.
type signFlags struct {
	key, out, sequence, valid string
}

// canarySignCommand signs a canary.
func canarySignCommand() *cobra.Command {
	var flags signFlags
	c := &cobra.Command{
		Use:   "sign --key FILE -o FILE",
		Short: "Sign a canary",
		Long: `Sign a canary and write it to a file. The sequence is one more than that of the
canary which the file has, and 1 for a new file. Edges refuse a canary whose sequence
is lower than one they saw: where the file does not last from one signing to the next,
give a --sequence that grows, such as the seconds since 1970.`,
		Example: `  heliograph canary sign --key gazette.canary-key -o site/.well-known/heliograph-canary
  heliograph canary sign --key gazette.canary-key --sequence "$(date +%s)" --valid 3d -o heliograph-canary`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			valid, err := flags.check()
			if err != nil {
				return &usageError{c.CommandPath(), err}
			}
			key, err := readSigningKey(flags.key, c.ErrOrStderr())
			if err != nil {
				return err
			}
			signed, err := flags.sign(key, valid, time.Now())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s: sequence %d of %s, expires %s\n",
				flags.out, signed.Sequence, signed.Site, signed.Expires.Format(time.RFC3339))
			return err
		},
	}
	c.Flags().StringVar(&flags.key, "key", "", "`FILE` with the private key")
	c.Flags().StringVarP(&flags.out, "out", "o", "", "`FILE` to write the canary to")
	c.Flags().StringVar(&flags.sequence, "sequence", "auto", "the canary's `NUMBER`, or auto")
	c.Flags().StringVar(&flags.valid, "valid", usualValid, "for how `LONG` it is good: 36h, 7d; at most 366d")
	return c
}

// check refuses what the command line lacks, and reads how long the canary is good.
func (f *signFlags) check() (time.Duration, error) {
	switch {
	case f.key == "":
		return 0, errors.New("give the file with the private key: --key FILE")
	case f.out == "":
		return 0, errors.New("give the file to write to: -o FILE")
	}
	if n, err := strconv.ParseUint(f.sequence, 10, 63); f.sequence != "auto" && (err != nil || n == 0) {
		return 0, fmt.Errorf("--sequence %q: neither auto nor a whole number from 1 on", f.sequence)
	}
	valid, err := configs.ParseDuration(f.valid)
	if err != nil {
		return 0, fmt.Errorf("--valid: %w", err)
	}
	if valid < minValid || valid > maxValid {
		return 0, fmt.Errorf("--valid %s: not from 1m to 366d", f.valid)
	}
	return valid, nil
}

// sign makes the canary and writes it.
func (f *signFlags) sign(key canary.SigningKey, valid time.Duration, now time.Time) (canary.Canary, error) {
	sequence, err := f.next(key)
	if err != nil {
		return canary.Canary{}, err
	}
	signed, err := canary.Sign(canary.Canary{Site: key.Site(), Sequence: sequence, Issued: now, Expires: now.Add(valid)}, key)
	if err != nil {
		return canary.Canary{}, err
	}
	if err := replace(f.out, []byte(signed.String()), 0o644); err != nil {
		return canary.Canary{}, fmt.Errorf("the canary cannot be written: %w", err)
	}
	return signed, nil
}

// next is the sequence to sign with. By itself it goes on only from a canary of the
// same key, expired or not.
func (f *signFlags) next(key canary.SigningKey) (uint64, error) {
	if f.sequence != "auto" {
		return strconv.ParseUint(f.sequence, 10, 63)
	}
	text, err := readCanary(f.out)
	if errors.Is(err, fs.ErrNotExist) {
		return 1, nil
	}
	if err != nil {
		return 0, err
	}
	last, err := canary.Parse(text)
	if err == nil {
		_, err = canary.Verify(text, key.Public(), canary.Expect{Site: key.Site(), Now: last.Issued})
	}
	if err != nil {
		return 0, fmt.Errorf("%s has no sequence to go on from (%w): give --sequence", f.out, err)
	}
	return last.Sequence + 1, nil
}

// readSigningKey reads a private key, and warns of a file that others can read.
func readSigningKey(path string, warnings io.Writer) (canary.SigningKey, error) {
	text, err := readCanary(path)
	if err != nil {
		return canary.SigningKey{}, fmt.Errorf("the private key cannot be read: %w", err)
	}
	key, err := canary.ParseSigningKey(text)
	if err != nil {
		return canary.SigningKey{}, fmt.Errorf("%s is no private key of canaries: %w", path, err)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		fmt.Fprintf(warnings, "heliograph: others may read %s; keep it to yourself with chmod 600\n", path)
	}
	return key, nil
}

// readCanary reads a file of a canary or of its key, and of a longer one as much as
// shows that it is none.
func readCanary(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, canary.MaxBytes+1))
	return string(text), err
}
