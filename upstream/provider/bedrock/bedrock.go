// Package bedrock knows how Amazon Bedrock is reached and signed in to: which URL a model has
// in a region, and how a request is signed with Signature Version 4 or carries a Bedrock API
// key. It knows nothing of what is said there.
//
// Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html,
// https://docs.aws.amazon.com/general/latest/gr/bedrock.html (endpoints),
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.
package bedrock

import (
	"fmt"
	"strings"
)

// partitions are the domains of AWS by how the names of their regions begin; all others are
// on amazonaws.com.
// Source: https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
// and partitions.json of aws-sdk-go-v2.
var partitions = []struct{ prefix, domain string }{
	{"cn-", "amazonaws.com.cn"},
	{"eusc-", "amazonaws.eu"},
	{"us-iso-", "c2s.ic.gov"},
	{"us-isob-", "sc2s.sgov.gov"},
	{"eu-isoe-", "cloud.adc-e.uk"},
	{"us-isof-", "csp.hci.ic.gov"},
}

// Base returns the base URL of a region, such as https://bedrock-runtime.us-east-1.amazonaws.com.
func Base(region string) (string, error) {
	if err := checkRegion(region); err != nil {
		return "", err
	}
	domain := "amazonaws.com"
	for _, p := range partitions {
		if strings.HasPrefix(region, p.prefix) {
			domain = p.domain
		}
	}
	return "https://bedrock-runtime." + region + "." + domain, nil
}

// checkRegion checks that a region can be a part of a host's name.
func checkRegion(region string) error {
	for _, c := range region {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return fmt.Errorf("%q is no region of AWS, such as us-east-1", region)
		}
	}
	if region == "" || strings.Trim(region, "-") != region {
		return fmt.Errorf("%q is no region of AWS, such as us-east-1", region)
	}
	return nil
}

// Converse returns where a model is asked in the Converse API, behind the base URL. The model
// is an id, an inference profile's id (us.anthropic.…) or the ARN of either. There is never a
// query.
func Converse(model string, stream bool) (path, query string) {
	if stream {
		return "/model/" + escape(model) + "/converse-stream", ""
	}
	return "/model/" + escape(model) + "/converse", ""
}

// Invoke returns where a model is asked in its own dialect: for Claude that is Anthropic's
// Messages, without model and stream, and with "anthropic_version":"bedrock-2023-05-31".
func Invoke(model string, stream bool) (path, query string) {
	if stream {
		return "/model/" + escape(model) + "/invoke-with-response-stream", ""
	}
	return "/model/" + escape(model) + "/invoke", ""
}

const upperHex = "0123456789ABCDEF"

// escape makes a model's id one segment of a path, as AWS's own clients do: everything but
// RFC 3986's unreserved characters is escaped, so also the colon of a version and the slash of
// an ARN, which net/url would leave. The signature is over the path escaped once more, which
// the signer does. An id of dots alone must not be a step to another path.
func escape(model string) string {
	dots := strings.Trim(model, ".") == ""
	b := make([]byte, 0, len(model)+16)
	for i := range len(model) {
		switch c := model[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '~', c == '.' && !dots:
			b = append(b, c)
		default:
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(b)
}

// IsClaude says whether a model is Anthropic's, as far as its id says: an id, an inference
// profile's id or the ARN of either. Profiles of an application's own, and models that are
// imported or provisioned, do not say what they are.
func IsClaude(model string) bool {
	return isOf(model, anthropic)
}

// IsTitanEmbed says whether a model is Titan's for embeddings of texts.
func IsTitanEmbed(model string) bool { return isOf(model, "amazon.titan-embed-text") }

// IsCohereEmbed says whether a model is Cohere's for embeddings.
func IsCohereEmbed(model string) bool { return isOf(model, "cohere.embed") }

// IsCohereRerank says whether a model is Cohere's for rankings.
func IsCohereRerank(model string) bool { return isOf(model, "cohere.rerank") }

// isOf says whether an id begins like that, or goes on so behind the region of a profile.
func isOf(model, begin string) bool {
	if strings.HasPrefix(model, "arn:") {
		model = model[strings.LastIndexByte(model, '/')+1:]
	}
	return strings.HasPrefix(model, begin) || strings.Contains(model, "."+begin)
}

// anthropic is how the ids of Anthropic's models begin, or go on behind the region of a profile.
const anthropic = "anthropic.claude"
