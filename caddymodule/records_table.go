package caddymodule

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/mulligan-gateway/mulligan/record"
)

// Tables of records, for people to read in a terminal. What strangers wrote is shown without
// control characters, so that it cannot move the cursor.

func tableOn(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) }

// printList writes a page of rows.
func printList(w io.Writer, l *record.Listing) error {
	t := tableOn(w)
	fmt.Fprintln(t, "TIME\tTRACE\tDEPLOYMENT\tVARIANT\tMODEL\tOUTCOME\tSTATUS\tTOKENS\tCOST\tDURATION")
	for i := range l.Rows {
		r := &l.Rows[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", r.Time.Local().Format("2006-01-02 15:04:05"), shown(r.TraceID),
			dash(r.Deployment), dash(r.Variant), dash(r.Target()), r.Outcome, r.Status,
			fmt.Sprintf("%d+%d", r.Input, r.Output), costShown(r.CostUSD, r.Priced), duration(r.Duration))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if l.Next != "" {
		_, err := fmt.Fprintf(w, "\nThere are more: --after %s\n", l.Next)
		return err
	}
	return nil
}

// printStats writes groups, a line each.
func printStats(w io.Writer, a *record.Answer) error {
	t := tableOn(w)
	head := make([]string, 0, 16)
	for _, d := range a.By {
		head = append(head, strings.ToUpper(string(d)))
	}
	names := feedbackColumns(a)
	head = append(head, "REQUESTS", "ERRORS", "FALLBACKS", "COST", "COST/REQUEST", "P50", "P95", "FIRST TOKEN P95", "TOKENS")
	for _, name := range names {
		head = append(head, strings.ToUpper(shown(name)))
	}
	fmt.Fprintln(t, strings.Join(head, "\t"))
	for i := range a.Groups {
		fmt.Fprintln(t, strings.Join(groupCells(&a.Groups[i], names), "\t"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(a.Groups) == 0 {
		fmt.Fprintln(w, "No records match.")
	}
	if a.Truncated {
		fmt.Fprintln(w, "\nThere are more groups: raise --limit, or ask for fewer.")
	}
	if a.Unmatched > 0 {
		fmt.Fprintf(w, "\n%d feedback of this time belongs to no record.\n", a.Unmatched)
	}
	return nil
}

// feedbackColumns returns the names of feedback in an answer, in the order in which they appear.
func feedbackColumns(a *record.Answer) []string {
	var names []string
	seen := map[string]bool{}
	for i := range a.Groups {
		for _, f := range a.Groups[i].Feedback {
			if !seen[f.Name] {
				seen[f.Name] = true
				names = append(names, f.Name)
			}
		}
	}
	const most = 6 // wider than that nobody reads; --json has them all
	return names[:min(len(names), most)]
}

func groupCells(g *record.Group, names []string) []string {
	var cells []string
	for _, key := range g.Key {
		cells = append(cells, dash(key))
	}
	cells = append(cells,
		strconv.FormatInt(g.Requests, 10), share(g.Errors, g.Requests), share(g.Fallbacks, g.Requests),
		costShown(g.CostUSD, g.Priced > 0), perRequest(g), "-", "-", "-", fmt.Sprintf("%d+%d", g.Input, g.Output))
	at := len(g.Key) + 5
	if g.Duration != nil {
		cells[at], cells[at+1] = duration(g.Duration.P50), duration(g.Duration.P95)
	}
	if g.FirstToken != nil {
		cells[at+2] = duration(g.FirstToken.P95)
	}
	for _, name := range names {
		cells = append(cells, feedbackCell(g, name))
	}
	return cells
}

// perRequest is the mean cost of the requests whose cost is known.
func perRequest(g *record.Group) string {
	if g.Priced == 0 {
		return "-"
	}
	return costShown(g.CostUSD/float64(g.Priced), true)
}

// feedbackCell shows a mean with its interval and count, or the labels that were given most.
func feedbackCell(g *record.Group, name string) string {
	for i := range g.Feedback {
		f := &g.Feedback[i]
		if f.Name != name {
			continue
		}
		switch {
		case f.Mean != nil && f.Low != nil && f.High != nil:
			return fmt.Sprintf("%.3g [%.3g, %.3g] n=%d", *f.Mean, *f.Low, *f.High, f.Count)
		case f.Mean != nil:
			return fmt.Sprintf("%.3g n=%d", *f.Mean, f.Count)
		}
		const most = 3
		var parts []string
		for _, l := range f.Labels[:min(len(f.Labels), most)] {
			parts = append(parts, fmt.Sprintf("%s %d", shown(l.Label), l.Count))
		}
		return strings.Join(parts, ", ")
	}
	return "-"
}

// printEntry writes one record with its attempts and feedback.
func printEntry(w io.Writer, e *record.Entry) error {
	t := tableOn(w)
	line := func(name, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	line("trace", "%s", shown(e.TraceID))
	line("time", "%s", e.Time.Local().Format(time.RFC3339Nano))
	line("deployment", "%s  domain %s  variant %s", dash(e.Deployment), dash(e.Domain), dash(e.Variant))
	if e.Rule != "" {
		line("rule", "%s", shown(e.Rule))
	}
	line("config", "%s", dash(e.ConfigVersion))
	line("client", "%s", dash(e.ClientID))
	line("endpoint", "%s  stream %v", e.Endpoint, e.Stream)
	line("model", "%s  asked for %s  answered by %s", dash(e.Target()), dash(e.Requested), dash(e.ResponseModel))
	line("outcome", "%s  status %d  finish %s  error %s", e.Outcome, e.Status, dash(e.FinishReason), dash(e.ErrorCode))
	line("tokens", "%d in (%d cached), %d out (%d reasoning)%s", e.Input, e.CachedInput, e.Output, e.Reasoning, estimatedNote(&e.Usage))
	line("cost", "%s", costShown(e.CostUSD, e.Priced))
	line("times", "first output %s  all %s  providers %s  gateway %s", duration(e.FirstToken), duration(e.Duration), duration(e.Upstream), duration(e.Overhead))
	if len(e.Dropped) > 0 {
		line("dropped", "%s", shown(strings.Join(e.Dropped, ", ")))
	}
	for _, o := range []struct {
		name string
		json []byte
	}{{"metadata", e.Metadata}, {"context", e.Context}, {"inputs", e.Inputs}} {
		if o.json != nil {
			line(o.name, "%s", shown(string(o.json)))
		}
	}
	for i, a := range e.Attempts {
		line(fmt.Sprintf("attempt %d", i+1), "%s/%s  %s  status %d  at %s for %s  %s", shown(a.Provider), shown(a.Model), a.Verdict, a.Status,
			duration(a.Start), duration(a.Duration), shown(strings.TrimSpace(a.ErrorCode+" "+a.Error)))
	}
	for _, f := range e.Feedback {
		value, err := f.Value.MarshalJSON()
		if err != nil {
			value = []byte("?")
		}
		line("feedback", "%s = %s  %s  %s", shown(f.Name), shown(string(value)), f.Time.Local().Format(time.RFC3339), shown(f.Comment))
	}
	if e.Bodies != nil {
		line("request", "%s", shown(e.Bodies.Request))
		line("response", "%s", shown(e.Bodies.Response))
	}
	return t.Flush()
}

func estimatedNote(u *record.Usage) string {
	switch {
	case u.Estimated:
		return ", estimated"
	case !u.Known:
		return ", not known"
	default:
		return ""
	}
}

func costShown(usd float64, priced bool) string {
	if !priced {
		return "unpriced"
	}
	return "$" + strconv.FormatFloat(usd, 'f', 6, 64)
}

func duration(m record.Millis) string {
	d := time.Duration(m)
	switch {
	case d == 0:
		return "-"
	case d < 10*time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	default:
		return d.Round(10 * time.Millisecond).String()
	}
}

func share(n, of int64) string {
	if of == 0 || n == 0 {
		return strconv.FormatInt(n, 10)
	}
	return fmt.Sprintf("%d (%.1f%%)", n, 100*float64(n)/float64(of))
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return shown(s)
}

// shown returns a text as a terminal may show it.
func shown(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r) || !unicode.IsGraphic(r):
			return unicode.ReplacementChar
		default:
			return r
		}
	}, s)
}
