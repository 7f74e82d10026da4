package auth

// Logins are web logins under way: a client waits while a person signs in elsewhere (npm's web login). It is bounded,
// and forgets what takes too long.
type Logins struct{}

// NewLogins returns an empty set.
func NewLogins() *Logins { return &Logins{} }

// Begin starts a login. id is for the address that the person opens, poll for the one that the client asks.
func (l *Logins) Begin() (id, poll string, err error) { panic("TODO") }

// Pending reports whether a login waits for its person.
func (l *Logins) Pending(id string) bool { panic("TODO") }

// Complete gives a login its token. fs.ErrNotExist if it is not known, or no longer.
func (l *Logins) Complete(id, token string) error { panic("TODO") }

// Poll returns the token, once; done is false while the login waits. fs.ErrNotExist if it is not known, or no longer.
func (l *Logins) Poll(poll string) (token string, done bool, err error) { panic("TODO") }
