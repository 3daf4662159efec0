package bedrock

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// refreshAhead is how long before they expire credentials are fetched anew, so that none expire
// on their way.
const refreshAhead = 5 * time.Minute

// staticKeys returns keys that stay what they are.
func staticKeys(c Config) aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken)
}

// chain is AWS's default chain. It is set up when credentials are first asked for, and again
// when that has failed; what it finds is kept until shortly before it expires, and fetched by
// one request for all that wait.
type chain struct {
	load func(context.Context) (aws.CredentialsProvider, error)

	mu    sync.Mutex
	found aws.CredentialsProvider // nil until it is set up
}

func newChain(c Config) *chain {
	return &chain{load: func(ctx context.Context) (aws.CredentialsProvider, error) {
		options := []func(*config.LoadOptions) error{
			config.WithRegion(c.Region),
			config.WithCredentialsCacheOptions(func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = refreshAhead }),
		}
		if c.Profile != "" {
			options = append(options, config.WithSharedConfigProfile(c.Profile))
		}
		found, err := config.LoadDefaultConfig(ctx, options...)
		if err != nil {
			return nil, err
		}
		return found.Credentials, nil
	}}
}

// Retrieve implements aws.CredentialsProvider.
func (c *chain) Retrieve(ctx context.Context) (aws.Credentials, error) {
	found, err := c.provider(ctx)
	if err != nil {
		return aws.Credentials{}, err
	}
	return found.Retrieve(ctx)
}

// provider sets the chain up, which reads the environment and files, and asks no network.
func (c *chain) provider(ctx context.Context) (aws.CredentialsProvider, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.found == nil {
		found, err := c.load(ctx)
		if err != nil {
			return nil, err
		}
		c.found = found
	}
	return c.found, nil
}
