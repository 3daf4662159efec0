package vertex

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/compute/metadata"

	"github.com/mulligan-gateway/mulligan/upstream/provider/signin"
)

// scope is what tokens are asked for.
const scope = "https://www.googleapis.com/auth/cloud-platform"

// Config says where an account at Vertex AI is and how it signs in. It shows its project alone
// when it is printed.
type Config struct {
	// Project is the project's id; "" is that of the credentials.
	Project string
	// Location is a region, a multi-region (us, eu), or global.
	Location string
	// Credentials is the path of a file of credentials, or what such a file holds, as JSON: of a
	// service account, of a workload identity, or of a user. "" is what Google's application
	// default credentials are.
	Credentials string
	// Client sends the requests for tokens; nil is Google's own.
	Client *http.Client
	// Now is the clock; nil is the real one.
	Now func() time.Time

	read []byte // what the credentials were when the config was loaded
}

// kinds are the types of credentials that may be configured.
var kinds = []credentials.CredType{
	credentials.ServiceAccount, credentials.AuthorizedUser, credentials.ExternalAccount,
	credentials.ExternalAccountAuthorizedUser, credentials.ImpersonatedServiceAccount,
}

// file is what is read of credentials here.
type file struct {
	Type    credentials.CredType `json:"type"`
	Project string               `json:"project_id"`
}

// Read reads the credentials, if there are any, and checks that they are some. Its errors name the
// file and show nothing of what is in it.
func (c *Config) Read() error {
	if c.Credentials == "" {
		return nil
	}
	content, err := c.content()
	if err != nil {
		return err
	}
	if _, err := parse(content); err != nil {
		return err
	}
	c.read = content
	return nil
}

// content returns the credentials as JSON.
func (c *Config) content() ([]byte, error) {
	if strings.HasPrefix(strings.TrimSpace(c.Credentials), "{") {
		return []byte(c.Credentials), nil
	}
	content, err := os.ReadFile(c.Credentials)
	if err != nil {
		return nil, fmt.Errorf("read the credentials: %w", err)
	}
	return content, nil
}

func parse(content []byte) (file, error) {
	var f file
	if json.Unmarshal(content, &f) != nil { // the cause could quote it
		return f, errors.New("the credentials are not JSON; give the key file of a service account, or the configuration file of a workload identity")
	}
	for _, kind := range kinds {
		if f.Type == kind {
			return f, nil
		}
	}
	return f, errors.New("the credentials have no type that can sign in; give the key file of a service account, or the configuration file of a workload identity")
}

// project returns the project's id, as far as it is known.
func (c *Config) project() string {
	if c.Project != "" {
		return c.Project
	}
	f, err := parse(c.read)
	if err != nil {
		return ""
	}
	return f.Project
}

// Key returns what tells these credentials from others.
func (c *Config) Key() any { return []string{c.Credentials, string(c.read)} }

// New returns what signs in. It asks nobody anything before the first request.
func New(c Config) *signin.Bearer { return signin.NewBearer("Google Cloud", c.fetch, c.Now) }

// fetch gets a token. What it gets it from is read anew each time, so that files and keys may be
// replaced, and nothing of it is kept: signin does that.
func (c *Config) fetch(ctx context.Context) (string, time.Time, error) {
	found, err := c.detect()
	if err != nil {
		return "", time.Time{}, &signin.RefusedError{Err: err}
	}
	token, err := found.Token(ctx)
	if err != nil {
		return "", time.Time{}, explained(err)
	}
	return token.Value, token.Expiry, nil
}

func (c *Config) detect() (*auth.Credentials, error) {
	options := &credentials.DetectOptions{Scopes: []string{scope}, Client: c.Client, DisableAsyncRefresh: true}
	if c.Credentials == "" {
		return credentials.DetectDefault(options)
	}
	content, err := c.content()
	if err != nil {
		return nil, err
	}
	f, err := parse(content)
	if err != nil {
		return nil, err
	}
	found, err := credentials.NewCredentialsFromJSON(f.Type, content, options)
	if err != nil {
		return nil, errors.New("the credentials are incomplete or damaged") // the cause may quote them
	}
	return found, nil
}

// exchanged finds the status and the body in errors of token exchanges, such as a workload's, and
// of impersonations, which Google's library makes of text.
var exchanged = regexp.MustCompile(`(?s)status code (\d{3}): (.*)$`)

// explained returns why there is no token, and whether it is no use to ask again.
func explained(err error) error {
	var answer *auth.Error
	if errors.As(err, &answer) && answer.Response != nil {
		why := fmt.Errorf("the token server answers %d%s", answer.Response.StatusCode, reason(answer.Body))
		if status := answer.Response.StatusCode; status >= 400 && status < 500 && !answer.Temporary() {
			return &signin.RefusedError{Err: why}
		}
		return why
	}
	if m := exchanged.FindStringSubmatch(err.Error()); m != nil {
		why := fmt.Errorf("the token server answers %s%s", m[1], reason([]byte(m[2])))
		if m[1][0] == '4' && m[1] != "408" && m[1] != "429" {
			return &signin.RefusedError{Err: why}
		}
		return why
	}
	var none metadata.NotDefinedError
	var server *metadata.Error
	if errors.As(err, &none) || errors.As(err, &server) && server.Code >= 400 && server.Code < 500 {
		return &signin.RefusedError{Err: err}
	}
	return err
}

// reason returns what a token server says of its refusal (RFC 6749, section 5.2), "" when it says
// nothing that is understood.
func reason(body []byte) string {
	var said struct {
		Error       json.RawMessage `json:"error"`
		Description string          `json:"error_description"`
	}
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	var code string
	if json.Unmarshal(said.Error, &code) != nil {
		var deeper struct {
			Status  string `json:"status"`
			Message string `json:"message"`
		}
		_ = json.Unmarshal(said.Error, &deeper) // or it says nothing
		code, said.Description = deeper.Status, deeper.Message
	}
	text := strings.TrimSpace(code + " " + said.Description)
	if text == "" {
		return ""
	}
	return ": " + text
}
