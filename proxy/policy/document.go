package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// MaxDocument is the service's limit of a resource policy, in characters.
const MaxDocument = 7168

// Document is a resource policy, in the language of IAM policies: explicit deny, then allow, then deny. It is immutable.
type Document struct {
	statements  []statement
	conditional bool // an answer may change with time or with where a request comes from
}

// statement is one statement of a policy.
type statement struct {
	sid                     string
	deny                    bool
	principals              []string // nil: see notPrincipals
	notPrincipals           []string
	actions, notActions     []string
	resources, notResources []string
	conditions              []condition
}

// rawDocument is a document as it is written. Where one text may stand for a list of one, strings takes both.
type rawDocument struct {
	Version   string
	ID        string `json:"Id"`
	Statement statements
}

type rawStatement struct {
	Sid          string
	Effect       string
	Principal    *principals
	NotPrincipal *principals
	Action       texts
	NotAction    texts
	Resource     texts
	NotResource  texts
	Condition    map[string]map[string]values
}

// ParseDocument reads a resource policy. What it does not know it refuses: a condition that is passed over would allow
// or deny what its author did not mean.
func ParseDocument(text []byte) (*Document, error) {
	if len([]rune(string(text))) > MaxDocument {
		return nil, fmt.Errorf("a policy has at most %d characters", MaxDocument)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var raw rawDocument
	if err := d.Decode(&raw); err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("policy: something follows the document")
	}
	if raw.Version != "" && raw.Version != "2012-10-17" && raw.Version != "2008-10-17" {
		return nil, fmt.Errorf("policy: the version %q is not known", raw.Version)
	}
	if len(raw.Statement) == 0 {
		return nil, errors.New("policy: it has no statement")
	}
	out := &Document{}
	for i := range raw.Statement {
		s, err := raw.Statement[i].compile()
		if err != nil {
			return nil, fmt.Errorf("policy: statement %d: %w", i+1, err)
		}
		if s.sid == "" {
			s.sid = fmt.Sprintf("statement %d", i+1)
		}
		for _, c := range s.conditions {
			out.conditional = out.conditional || c.varies()
		}
		out.statements = append(out.statements, s)
	}
	return out, nil
}

func (r *rawStatement) compile() (s statement, err error) {
	s = statement{sid: r.Sid, deny: r.Effect == "Deny", actions: r.Action, notActions: r.NotAction, resources: r.Resource, notResources: r.NotResource}
	if r.Effect != "Allow" && r.Effect != "Deny" {
		return s, fmt.Errorf("the effect is Allow or Deny, not %q", r.Effect)
	}
	if (r.Principal == nil) == (r.NotPrincipal == nil) {
		return s, errors.New("it has either Principal or NotPrincipal")
	}
	if (len(r.Action) == 0) == (len(r.NotAction) == 0) || (len(r.Resource) == 0) == (len(r.NotResource) == 0) {
		return s, errors.New("it has either Action or NotAction, and either Resource or NotResource")
	}
	if r.NotPrincipal != nil {
		s.notPrincipals = *r.NotPrincipal
		if !s.deny {
			return s, errors.New("NotPrincipal goes with Deny only")
		}
	} else {
		s.principals = *r.Principal
	}
	for _, list := range [][]string{s.actions, s.notActions} {
		for i, a := range list {
			service, name, ok := strings.Cut(a, ":")
			if a != "*" && (!ok || name == "" || !strings.EqualFold(service, "codeartifact") && !strings.EqualFold(service, "sts")) {
				return s, fmt.Errorf("%q is no action: codeartifact:NAME", a)
			}
			list[i] = strings.ToLower(a)
		}
	}
	for operator, keys := range r.Condition {
		for key, want := range keys {
			c, err := newCondition(operator, key, want)
			if err != nil {
				return s, err
			}
			s.conditions = append(s.conditions, c)
		}
	}
	return s, nil
}

// texts is a list of texts, or one.
type texts []string

func (t *texts) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*t = texts{one}
		return nil
	}
	var list []string
	if err := json.Unmarshal(b, &list); err != nil {
		return errors.New("neither a string nor a list of them")
	}
	*t = list
	return nil
}

// values is texts that may be written as numbers and booleans.
type values []string

func (v *values) UnmarshalJSON(b []byte) error {
	var one any
	if err := json.Unmarshal(b, &one); err != nil {
		return err
	}
	list, ok := one.([]any)
	if !ok {
		list = append(list, one)
	}
	for _, x := range list {
		switch x.(type) {
		case string, bool, float64:
			*v = append(*v, fmt.Sprint(x))
		default:
			return errors.New("a condition's value is a string, a number or a boolean")
		}
	}
	return nil
}

// statements is a list of statements, or one.
type statements []rawStatement

func (s *statements) UnmarshalJSON(b []byte) error {
	decode := func(to any) error {
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		return d.Decode(to)
	}
	if len(b) > 0 && b[0] == '[' {
		return decode((*[]rawStatement)(s))
	}
	var one rawStatement
	if err := decode(&one); err != nil {
		return err
	}
	*s = statements{one}
	return nil
}

// principals is "*", or {"AWS": …}: accounts, ARNs, or "*".
type principals []string

func (p *principals) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		if one != "*" {
			return fmt.Errorf(`the principal %q is neither "*" nor {"AWS": …}`, one)
		}
		*p = principals{"*"}
		return nil
	}
	var kinds map[string]texts
	if err := json.Unmarshal(b, &kinds); err != nil {
		return err
	}
	for kind, list := range kinds {
		if kind != "AWS" {
			return fmt.Errorf("principals of kind %q are not known", kind)
		}
		for _, x := range list {
			if x != "*" && !isAccount(x) && !strings.HasPrefix(x, "arn:") {
				return fmt.Errorf("the principal %q is neither an account nor an ARN", x)
			}
			*p = append(*p, x)
		}
	}
	if len(*p) == 0 {
		return errors.New("it names no principal")
	}
	return nil
}

func isAccount(s string) bool { return len(s) == 12 && strings.Trim(s, "0123456789") == "" }
