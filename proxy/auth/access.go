package auth

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
	Password string // plain, or a bcrypt hash ("$2a$…", "$2b$…", "$2y$…")
	Account  string
	Level    Level
}

// StaticToken is a token that the configuration gives away, of any form.
type StaticToken struct {
	Name    string // the principal's
	Token   string
	Account string
	Level   Level
}

// Key is an AWS-style key pair. Until requests are signed with it, it serves as user and password.
type Key struct {
	Name        string // the principal's
	AccessKeyID string
	Secret      string
	Account     string
	Level       Level
}
