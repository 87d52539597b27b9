package configs

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strconv"
)

// CheckFiles reads the certificate, key and authority files that f refers to,
// and holds them to be what they should be: a certificate with its key, and PEM
// certificates. It does not look at names or expiry. Of lists of fingerprints it
// holds that they can be read; their rows are looked at by whoever uses them. The
// error is a [*Refusal] with one mistake for each field.
func (f *File) CheckFiles() error {
	c := &checks{file: f}
	for i, pair := range f.TLS.Files {
		c.pair("tls.files["+strconv.Itoa(i)+"]", pair)
	}
	for i, site := range f.Sites {
		for j, origin := range site.Origins {
			if origin.CA == "" {
				continue
			}
			if err := authorities(origin.CA); err != nil {
				c.refuse(originField(i, j)+".ca", err.Error())
			}
		}
	}
	for i, path := range f.Fingerprints {
		if err := legible(path); err != nil {
			c.refuse("fingerprints["+strconv.Itoa(i)+"]", err.Error())
		}
	}
	explain(c.found)
	for i := range c.found {
		c.found[i].File = f.Path
	}
	return refusal(c.found)
}

func (c *checks) pair(field string, pair CertificateFile) {
	cert, certErr := os.ReadFile(pair.Cert)
	if certErr != nil {
		c.refuse(field+".cert", "cannot be read: "+certErr.Error())
	}
	key, keyErr := os.ReadFile(pair.Key)
	if keyErr != nil {
		c.refuse(field+".key", "cannot be read: "+keyErr.Error())
	}
	if certErr != nil || keyErr != nil {
		return
	}
	if _, err := tls.X509KeyPair(cert, key); err != nil {
		c.refuseFor(field, fmt.Sprintf("%s and %s are no pair: %v", pair.Cert, pair.Key, err),
			"a PEM certificate chain, the leaf first, and its PEM key")
	}
}

// legible looks whether there is something to read in a file.
func legible(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("cannot be read: %w", err)
	}
	defer file.Close()
	switch about, err := file.Stat(); {
	case err != nil:
		return fmt.Errorf("cannot be read: %w", err)
	case !about.Mode().IsRegular():
		return errors.New(path + " is no file")
	case about.Size() == 0:
		return errors.New(path + " is empty")
	}
	return nil
}

// authorities reads a file of PEM certificates, of which there has to be one.
func authorities(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("cannot be read: %w", err)
	}
	found := 0
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			return fmt.Errorf("%s holds a %s", path, block.Type)
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return fmt.Errorf("certificate %d in %s: %w", found+1, path, err)
		}
		found++
	}
	if found == 0 {
		return errors.New(path + " holds no certificate in PEM")
	}
	return nil
}
