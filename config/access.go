package config

import (
	"github.com/hashicorp/hcl/v2"
)

// Access says who may do what. Without the block the first start writes an administrator's token to DIR/admin-token.
type Access struct {
	// Anonymous is what a client may do that does not say who it is: none or read. Default: read from loopback, none
	// from elsewhere.
	Anonymous string `hcl:"anonymous,optional"`

	Keys   []Key   `hcl:"key,block"`
	Tokens []Token `hcl:"token,block"`
	Users  []User  `hcl:"user,block"`

	Body     hcl.Body  `hcl:",body"`
	DefRange hcl.Range `hcl:",def_range"`
}

// Key is an AWS-style key pair, for the API.
type Key struct {
	Name        string `hcl:"name,label"`
	AccessKeyID string `hcl:"access_key_id"` // 16 to 128 letters and digits
	Secret      Secret `hcl:"secret"`
	// Account is 12 digits. Default: the owner of the first domain.
	Account string `hcl:"account,optional"`
	// User is the name in the principal's ARN. Default: the block's name.
	User string `hcl:"user,optional"`
	// Policy is admin, publish, read or the JSON of an IAM-style policy (file("…")). Default read.
	Policy string `hcl:"policy,optional"`

	Body     hcl.Body  `hcl:",body"`
	DefRange hcl.Range `hcl:",def_range"`
}

// Token is a token for package managers: Bearer, raw, or the password of Basic.
type Token struct {
	Name    string `hcl:"name,label"`
	Secret  Secret `hcl:"secret"` // at least 16 characters
	Account string `hcl:"account,optional"`
	User    string `hcl:"user,optional"`
	Policy  string `hcl:"policy,optional"`

	Body     hcl.Body  `hcl:",body"`
	DefRange hcl.Range `hcl:",def_range"`
}

// User signs in with a name, the block's, and a password.
type User struct {
	Name string `hcl:"name,label"`
	// Password is plain, or a bcrypt hash ("$2b$…"). At least 8 characters.
	Password Secret `hcl:"password"`
	Account  string `hcl:"account,optional"`
	Policy   string `hcl:"policy,optional"`

	Body     hcl.Body  `hcl:",body"`
	DefRange hcl.Range `hcl:",def_range"`
}

// Place is where the key was declared: FILE:LINE.
func (k *Key) Place() string { return place(k.DefRange) }

// Place is where the token was declared: FILE:LINE.
func (t *Token) Place() string { return place(t.DefRange) }

// Place is where the user was declared: FILE:LINE.
func (u *User) Place() string { return place(u.DefRange) }
