package auth

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// Access is who may come in, as the configuration says it. It is immutable once given to an Authority.
type Access struct {
	Anonymous Anonymous
	Users     []User
	Tokens    []StaticToken
	Keys      []Key
}

// Anonymous says what a client without a credential may do.
type Anonymous uint8

// The values of Anonymous.
const (
	LoopbackReads Anonymous = iota // read from loopback, nothing from elsewhere: the default
	NobodyReads
	EverybodyReads
)

// User has a name and a password: Basic authentication, and legacy logins.
type User struct {
	Name     string
	Password Secret // plain, or a bcrypt hash ("$2a$…", "$2b$…", "$2y$…")
	Account  string
	Level    Level
}

// StaticToken is a token that the configuration gives away, of any form.
type StaticToken struct {
	Name    string // the principal's
	Token   Secret
	Account string
	Level   Level
}

// Key is an AWS-style key pair. It serves as user and password.
type Key struct {
	Name        string // the principal's
	AccessKeyID string
	Secret      Secret
	Account     string
	Level       Level
}

// Secret does not show in logs.
type Secret string

func (Secret) String() string { return "…" }

// GoString hides the secret from %#v.
func (Secret) GoString() string { return `"…"` }

// directory is an Access made ready for look-ups. It is immutable.
type directory struct {
	anonymous, loopback *Principal
	principals          map[string]*Principal // by name
	logins              map[string]*login     // by user name or access key id
	static              map[[sha256.Size]byte]*Principal
	keys                map[string]signer // by access key id, for signatures
	slow                *login            // any one with a bcrypt hash: an unknown user takes as long; nil: none
}

// signer is a principal with the secret that it signs with: a signature needs the secret itself.
type signer struct {
	p      *Principal
	secret Secret
}

// login is a user and what its password is checked against.
type login struct {
	p      *Principal
	sum    [sha256.Size]byte // of a plain password
	bcrypt []byte            // else
}

func newDirectory(access Access) (*directory, error) {
	d := &directory{
		anonymous:  &Principal{Anonymous: true},
		loopback:   &Principal{Anonymous: true},
		principals: make(map[string]*Principal),
		logins:     make(map[string]*login),
		static:     make(map[[sha256.Size]byte]*Principal),
		keys:       make(map[string]signer),
	}
	if access.Anonymous == EverybodyReads {
		d.anonymous.Level = ReadLevel
	}
	if access.Anonymous != NobodyReads {
		d.loopback.Level = ReadLevel
	}
	for _, u := range access.Users {
		if err := d.addLogin(u.Name, u.Password, Principal{Name: u.Name, Account: u.Account, Level: u.Level}); err != nil {
			return nil, fmt.Errorf("user %q: %w", u.Name, err)
		}
	}
	for _, k := range access.Keys {
		if err := d.addLogin(k.AccessKeyID, k.Secret, Principal{Name: k.Name, Account: k.Account, Level: k.Level}); err != nil {
			return nil, fmt.Errorf("key %q: %w", k.Name, err)
		}
		d.keys[k.AccessKeyID] = signer{d.principals[k.Name], k.Secret}
	}
	for _, t := range access.Tokens {
		if err := d.addStatic(t.Token, Principal{Name: t.Name, Account: t.Account, Level: t.Level}); err != nil {
			return nil, fmt.Errorf("token %q: %w", t.Name, err)
		}
	}
	if d.principals[Administrator] == nil {
		d.principals[Administrator] = &Principal{Name: Administrator, Level: AdminLevel}
	}
	return d, nil
}

func (d *directory) add(p Principal) (*Principal, error) {
	if p.Name == "" || d.principals[p.Name] != nil {
		return nil, errors.New("the name is empty or taken")
	}
	d.principals[p.Name] = &p
	return &p, nil
}

func (d *directory) addStatic(token Secret, principal Principal) error {
	p, err := d.add(principal)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(token))
	if token == "" || d.static[sum] != nil {
		return errors.New("the token is empty, or another's")
	}
	d.static[sum] = p
	return nil
}

func (d *directory) addLogin(user string, password Secret, principal Principal) error {
	p, err := d.add(principal)
	if err != nil {
		return err
	}
	if user == "" || password == "" || d.logins[user] != nil {
		return errors.New("the user name or the secret is empty, or the user name is taken")
	}
	l := &login{p: p}
	if s := string(password); strings.HasPrefix(s, "$2") {
		if _, err := bcrypt.Cost([]byte(s)); err != nil {
			return errors.New("the password looks like a bcrypt hash, but is none")
		}
		l.bcrypt = []byte(s)
		d.slow = l
	} else {
		l.sum = sha256.Sum256([]byte(s))
	}
	d.logins[user] = l
	return nil
}

// nobody is the principal of a request without a credential.
func (d *directory) nobody(remote netip.Addr) *Principal {
	if remote.Unmap().IsLoopback() {
		return d.loopback
	}
	return d.anonymous
}
