package metrics

import "github.com/prometheus/client_golang/prometheus"

const restingName = "llm_gateway_target_resting"

// restingCollector asks at each scrape which targets rest. A rest ends by time, with no
// event to count, so a gauge that was set would be stale.
type restingCollector struct {
	desc  *prometheus.Desc
	state *labelState
}

// Describe implements prometheus.Collector.
func (c *restingCollector) Describe(ch chan<- *prometheus.Desc) { ch <- c.desc }

// Collect implements prometheus.Collector.
func (c *restingCollector) Collect(ch chan<- prometheus.Metric) {
	s := c.state.labels.Load()
	if s.healthy == nil {
		return
	}
	for _, t := range s.targets {
		resting := 0.0
		if !s.healthy(t.Provider + "/" + t.Model) {
			resting = 1
		}
		ch <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, resting, t.Provider, t.Model)
	}
}

var _ prometheus.Collector = (*restingCollector)(nil)
