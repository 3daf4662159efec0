package metrics

import (
	"bytes"
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"text/template"
)

//go:embed docs.md.tmpl
var docsTemplate string

// docsRow is one series as docs.md.tmpl shows it.
type docsRow struct {
	Name, Kind, Unit, Help, Note string
	Labels, Buckets, WorstCase   string
}

// Docs returns docs/metrics.md, made from the table of series.
func Docs() []byte { return shared.docs() }

func (m *meter) docs() []byte {
	rows := make([]docsRow, len(m.table))
	for i := range m.table {
		rows[i] = m.table[i].docsRow()
	}
	var b bytes.Buffer
	page := template.Must(template.New("metrics").Parse(docsTemplate))
	if err := page.Execute(&b, rows); err != nil {
		panic(fmt.Sprintf("metrics: write documentation: %v", err)) // the template and the table are ours
	}
	return b.Bytes()
}

func (s *series) docsRow() docsRow {
	r := docsRow{
		Name: s.name, Kind: s.kind, Unit: s.unit, Help: s.help, Note: s.note,
		WorstCase: s.worstCase,
	}
	if len(s.labels) > 0 {
		r.Labels = "`" + strings.Join(s.labels, "`, `") + "`"
	}
	if len(s.bounds) > 0 {
		bounds := make([]string, len(s.bounds))
		for i, v := range s.bounds {
			bounds[i] = strconv.FormatFloat(v, 'f', -1, 64)
		}
		r.Buckets = strings.Join(bounds, ", ")
		// A histogram has a line for each bound, +Inf, the sum and the count.
		r.WorstCase += fmt.Sprintf(", each with %d lines", len(s.bounds)+3)
	}
	return r
}
