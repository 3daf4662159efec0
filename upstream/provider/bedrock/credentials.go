package bedrock

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/mulligan-gateway/mulligan/upstream/provider/signin"
)

// keys gives what requests are signed with.
type keys interface {
	// Get returns keys; ctx bounds the wait for them.
	Get(ctx context.Context) (aws.Credentials, error)
	// Forget gives keys up that the vendor has refused, if they are the ones.
	Forget(is func(aws.Credentials) bool)
	// Peek returns the keys that are there.
	Peek() (aws.Credentials, bool)
}

// static are keys that stay what they are.
type static aws.Credentials

func staticKeys(c Config) static {
	return static{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}
}

func (s static) Get(context.Context) (aws.Credentials, error) { return aws.Credentials(s), nil }
func (s static) Forget(func(aws.Credentials) bool)            {}
func (s static) Peek() (aws.Credentials, bool)                { return aws.Credentials(s), true }

// loader sets AWS's default chain up.
type loader func(context.Context) (aws.CredentialsProvider, error)

// newChain returns what AWS's default chain finds. It is looked at when keys are first asked for,
// and all of it again each time that they are fetched: files may have been replaced.
func newChain(load loader) *signin.Source[aws.Credentials] {
	return signin.New(func(ctx context.Context) (aws.Credentials, time.Time, error) {
		found, err := load(ctx)
		if err != nil {
			return aws.Credentials{}, time.Time{}, &signin.RefusedError{Err: err}
		}
		c, err := found.Retrieve(ctx)
		switch {
		case err != nil && mayPass(err):
			return c, time.Time{}, err
		case err != nil:
			return c, time.Time{}, &signin.RefusedError{Err: err}
		case !c.CanExpire:
			return c, time.Time{}, nil
		}
		return c, c.Expires, nil
	}, nil)
}

// loadChain returns AWS's default chain for a config. It reads the environment and files.
func loadChain(c Config) loader {
	return func(ctx context.Context) (aws.CredentialsProvider, error) {
		options := []func(*config.LoadOptions) error{config.WithRegion(c.Region)}
		if c.Profile != "" {
			options = append(options, config.WithSharedConfigProfile(c.Profile))
		}
		found, err := config.LoadDefaultConfig(ctx, options...)
		if err != nil {
			return nil, err
		}
		return found.Credentials, nil
	}
}

// mayPass says whether keys may be had a moment later: a service of AWS is busy, or out of reach.
// A metadata server that is out of reach is none: this is no machine of AWS, and the end of the
// chain.
func mayPass(err error) bool {
	var of interface{ Service() string }
	var answer interface{ HTTPStatusCode() int }
	var broken net.Error
	switch {
	case errors.As(err, &of) && of.Service() == "ec2imds":
		return false
	case errors.As(err, &answer) && answer.HTTPStatusCode() > 0:
		status := answer.HTTPStatusCode()
		return status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout
	default:
		return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &broken)
	}
}
