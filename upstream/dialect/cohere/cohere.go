// Package cohere is Cohere's API, version 2.
//
// Sources: https://docs.cohere.com/reference/embed, https://docs.cohere.com/reference/rerank.
package cohere
