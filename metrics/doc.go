// Package metrics turns finished exchanges into numbers: Prometheus series, the llm object
// of the access log, and trace spans. All three are written from the same llm.Exchange, so
// they agree.
//
// The series exist once per process and are registered into the registry of each config
// (Register), so totals survive reloads. What may be a label value is declared by the config
// (Allow); everything else is counted as "other", so nothing that a client or a provider
// sends can grow the number of series.
//
// series.go is the one table of all series, from which docs/metrics.md is made; genai.go
// holds every name that comes from OpenTelemetry's conventions for generative AI.
package metrics
