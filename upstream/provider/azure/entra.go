package azure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/mulligan-gateway/mulligan/upstream/provider/signin"
)

// scope is what tokens are asked for unless the config says otherwise
// (source: https://learn.microsoft.com/en-us/azure/ai-foundry/openai/how-to/managed-identity).
const scope = "https://cognitiveservices.azure.com/.default"

// Entra says how an account signs in by Entra ID: as an application with a secret, as the managed
// identity of the machine, or, where it says neither, with what Azure's default chain finds
// (environment, workload identity, managed identity, the command line's sign-in). It shows its
// tenant alone when it is printed.
type Entra struct {
	// Tenant, ClientID and ClientSecret are those of an application.
	Tenant, ClientID, ClientSecret string
	// ManagedIdentity says that the machine's identity signs in: the one of ClientID, or the
	// system's own.
	ManagedIdentity bool
	// Authority is where tokens are had, "" for https://login.microsoftonline.com or what
	// AZURE_AUTHORITY_HOST says. Clouds of governments have their own.
	Authority string
	// Scope is what tokens are asked for, "" for Azure's cognitive services.
	Scope string
	// Client sends the requests for tokens; nil is Azure's own.
	Client *http.Client
	// Now is the clock; nil is the real one.
	Now func() time.Time
}

var tenantID = regexp.MustCompile(`^[A-Za-z0-9.-]+$`)

// Check checks the config. Its errors hold no secret.
func (e *Entra) Check() error {
	application := e.Tenant != "" || e.ClientSecret != ""
	switch {
	case e.ManagedIdentity && application:
		return errors.New("entra: managed_identity and tenant or client_secret exclude each other; leave one of them out")
	case application && (e.Tenant == "" || e.ClientID == "" || e.ClientSecret == ""):
		return errors.New("entra: tenant, client_id and client_secret go together")
	case !application && !e.ManagedIdentity && e.ClientID != "":
		return errors.New("entra: client_id goes with tenant and client_secret, or with managed_identity")
	case e.Tenant != "" && !tenantID.MatchString(e.Tenant):
		return errors.New("entra: the tenant is neither an id nor the name of a domain")
	}
	if e.Authority == "" {
		return nil
	}
	u, err := url.Parse(e.Authority)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("entra: the authority must be a URL that begins with https://, such as https://login.microsoftonline.us")
	}
	return nil
}

// Key returns what tells this way of signing in from others.
func (e *Entra) Key() any {
	return []any{e.Tenant, e.ClientID, e.ClientSecret, e.ManagedIdentity, e.Authority, e.Scope}
}

// New returns what signs in. It asks nobody anything before the first request.
func New(e Entra) *signin.Bearer {
	i := issuer{Entra: e}
	return signin.NewBearer("Entra ID", i.fetch, e.Now)
}

// issuer fetches tokens, one at a time.
type issuer struct {
	Entra
	last string
}

// anew are claims that change nothing of the token, but keep Azure's library from giving one
// that it has kept.
const anew = "{}"

// fetch gets a token. Azure's library keeps tokens, too, some of them for the whole process, and
// would give one again that has been refused. So each fetch has a credential of its own, and asks
// with claims where the token would be the last one. Not all credentials can be asked with them.
func (i *issuer) fetch(ctx context.Context) (string, time.Time, error) {
	credential, err := i.credential()
	if err != nil {
		return "", time.Time{}, &signin.RefusedError{Err: explained(err)}
	}
	options := policy.TokenRequestOptions{Scopes: []string{scope}}
	if i.Scope != "" {
		options.Scopes[0] = i.Scope
	}
	token, err := credential.GetToken(ctx, options)
	if err == nil && token.Token == i.last {
		options.Claims = anew
		if other, err := credential.GetToken(ctx, options); err == nil {
			token = other
		}
	}
	if err != nil {
		if refused(err) {
			return "", time.Time{}, &signin.RefusedError{Err: explained(err)}
		}
		return "", time.Time{}, explained(err)
	}
	i.last = token.Token
	return token.Token, token.ExpiresOn, nil
}

func (e *Entra) credential() (azcore.TokenCredential, error) {
	// Few repetitions: the attempt's own are behind it, and other targets.
	options := azcore.ClientOptions{Retry: policy.RetryOptions{MaxRetries: 2, RetryDelay: 200 * time.Millisecond, MaxRetryDelay: 2 * time.Second}}
	if e.Client != nil {
		options.Transport = e.Client
	}
	if e.Authority != "" {
		options.Cloud = cloud.Configuration{ActiveDirectoryAuthorityHost: e.Authority}
	}
	switch {
	case e.ManagedIdentity:
		o := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: options}
		if e.ClientID != "" {
			o.ID = azidentity.ClientID(e.ClientID)
		}
		return azidentity.NewManagedIdentityCredential(o)
	case e.Tenant != "":
		return azidentity.NewClientSecretCredential(e.Tenant, e.ClientID, e.ClientSecret,
			&azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: e.Authority != ""})
	default:
		return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{
			ClientOptions: options, DisableInstanceDiscovery: e.Authority != "",
		})
	}
}

// refused says whether it is no use to ask for a token again.
func refused(err error) bool {
	var failed *azidentity.AuthenticationFailedError
	if errors.As(err, &failed) && failed.RawResponse != nil {
		status := failed.RawResponse.StatusCode
		return status >= 400 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests
	}
	var nothing interface{ NonRetriable() } // there is no credential that could be used
	return !errors.As(err, &failed) && errors.As(err, &nothing)
}

// explained returns a shorter error for one of Azure's, which show whole replies.
func explained(err error) error {
	var failed *azidentity.AuthenticationFailedError
	if !errors.As(err, &failed) || failed.RawResponse == nil {
		return fmt.Errorf("%s", oneLine(err.Error()))
	}
	var said struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if body, err := runtime.Payload(failed.RawResponse); err == nil {
		_ = json.Unmarshal(body, &said) // or it says nothing
	}
	text := strings.TrimSpace(said.Error + " " + said.Description)
	if text != "" {
		text = ": " + oneLine(text)
	}
	return fmt.Errorf("the token server answers %d%s", failed.RawResponse.StatusCode, text)
}

// maxReason is how much of an error is kept, in bytes.
const maxReason = 1 << 10

// oneLine returns a text without its line breaks, and shortened.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "…"
	}
	return text
}
