package bedrock

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/mulligan-gateway/mulligan/llm"
)

// service is Bedrock's name in signatures, of its runtime too.
const service = "bedrock"

// Config says how requests sign in: with an API key, with static keys, or, where there is
// neither, with what AWS's default chain finds (environment, shared files, SSO, web identity,
// ECS, EKS and EC2). It shows its region alone when it is printed.
type Config struct {
	// Region is the region that requests are signed for; a URL of another region refuses them.
	Region string
	// APIKey is a Bedrock API key, which is sent as it is, as a bearer token
	// (source: https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html).
	APIKey string
	// AccessKeyID and SecretAccessKey are static keys; SessionToken goes with temporary ones.
	AccessKeyID, SecretAccessKey, SessionToken string
	// Profile is the profile in AWS's shared files that the default chain uses; "" is the default.
	Profile string
}

// Signer signs requests. It is safe for concurrent use, and shows its region alone when it is
// printed.
type Signer struct {
	region  string
	bearer  string // the Authorization of an API key, "" where requests are signed
	service string
	keys    keys
	signer  *v4.Signer
	now     func() time.Time
}

// New checks a config and returns the signer. It reads no file and asks no network: the default
// chain is looked at when the first request is signed. Its errors hold no secret.
func New(c Config) (*Signer, error) {
	s := &Signer{region: c.Region, service: service, now: time.Now}
	static := c.AccessKeyID != "" || c.SecretAccessKey != "" || c.SessionToken != ""
	switch {
	case checkRegion(c.Region) != nil:
		return nil, checkRegion(c.Region)
	case c.APIKey != "" && (static || c.Profile != ""), static && c.Profile != "":
		return nil, errors.New("an API key, static keys and a profile of AWS exclude each other")
	case static && (c.AccessKeyID == "" || c.SecretAccessKey == ""):
		return nil, errors.New("an access key id and a secret access key of AWS go together")
	case c.APIKey != "":
		s.bearer = "Bearer " + c.APIKey
		return s, nil
	case static:
		s.keys = staticKeys(c)
	default:
		s.keys = newChain(loadChain(c))
	}
	s.signer = v4.NewSigner()
	return s, nil
}

// The headers of a signature.
const (
	headerAuthorization = "Authorization"
	headerDate          = "X-Amz-Date"
	headerToken         = "X-Amz-Security-Token"
)

// Sign signs a request whose body is the payload; the body itself is not read, nor copied. A
// request that is signed again, such as for another attempt, has the date of then. The
// request's context bounds the wait for credentials.
//
// The signature is over the host, the path, the query, Content-Type and the headers of AWS
// (X-Amz-…), so that transports and proxies may change other headers behind it.
func (s *Signer) Sign(r *http.Request, p llm.Payload) error {
	for _, name := range [...]string{headerAuthorization, headerDate, headerToken} {
		r.Header.Del(name)
	}
	if s.bearer != "" {
		r.Header.Set(headerAuthorization, s.bearer)
		return nil
	}
	keys, err := s.keys.Get(r.Context())
	if err != nil {
		return fmt.Errorf("get credentials of AWS: %w", err)
	}
	own := http.Request{Method: r.Method, URL: r.URL, Host: r.Host, Header: signedHeader(r.Header)}
	if err := s.signer.SignHTTP(context.WithoutCancel(r.Context()), keys, &own, hash(p), s.service, s.region, s.now()); err != nil {
		return fmt.Errorf("sign request: %w", err)
	}
	for _, name := range [...]string{headerAuthorization, headerDate, headerToken} {
		if v := own.Header.Get(name); v != "" {
			r.Header[name] = []string{v}
		}
	}
	return nil
}

// Forget notes that AWS has refused what a request was signed with. It says whether there may be
// other keys: what AWS's default chain finds may have been replaced.
func (s *Signer) Forget(r *http.Request) bool {
	if s.keys == nil {
		return false
	}
	if _, ok := s.keys.(static); ok {
		return false
	}
	s.keys.Forget(func(c aws.Credentials) bool {
		return strings.Contains(r.Header.Get(headerAuthorization), " Credential="+c.AccessKeyID+"/") && r.Header.Get(headerToken) == c.SessionToken
	})
	return true
}

// Secrets returns the keys that requests are signed with at the moment, or the API key.
func (s *Signer) Secrets() []string {
	if s.keys == nil {
		return []string{strings.TrimPrefix(s.bearer, "Bearer ")}
	}
	c, _ := s.keys.Peek()
	return []string{c.AccessKeyID, c.SecretAccessKey, c.SessionToken}
}

// signedHeader returns those headers that are signed.
func signedHeader(h http.Header) http.Header {
	signed := make(http.Header, 4)
	for name, values := range h {
		if name == "Content-Type" || strings.HasPrefix(name, "X-Amz-") {
			signed[name] = values
		}
	}
	return signed
}

// hash returns the payload's SHA-256 in hex, slice by slice.
func hash(p llm.Payload) string {
	h := sha256.New()
	for _, part := range p.Parts {
		_, _ = h.Write(part) // it cannot fail
	}
	var sum [sha256.Size]byte
	return hex.EncodeToString(h.Sum(sum[:0]))
}
