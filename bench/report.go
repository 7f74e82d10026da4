package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
)

// report is everything that was measured.
type report struct {
	Machine  machine  `json:"machine"`
	Nginx    string   `json:"nginx,omitempty"`
	Rounds   int      `json:"rounds"`
	Duration string   `json:"duration"`
	Results  []result `json:"results"`
}

// write writes the report where the options want it.
func (r *report) write(o *options) error {
	var errs []error
	if o.json != "" {
		b, err := json.MarshalIndent(r, "", "  ")
		errs = append(errs, err, os.WriteFile(o.json, append(b, '\n'), 0o644))
	}
	if o.save != "" {
		errs = append(errs, os.MkdirAll(o.save, 0o755),
			os.WriteFile(filepath.Join(o.save, r.Machine.Date+".txt"), []byte(r.text()), 0o644))
	}
	return errors.Join(errs...)
}

// text is the report as people read it.
func (r *report) text() string {
	var b strings.Builder
	m := r.Machine
	fmt.Fprintf(&b, "commit %s, %s\n%s, %d cores, kernel %s, %s, load before %s\n", m.Commit, m.Date, m.CPU, m.Cores, m.Kernel, m.Go, m.Load)
	if r.Nginx != "" {
		fmt.Fprintf(&b, "beside %s: proxy_cache, 1 worker, open_file_cache, tcp_nopush off\n", r.Nginx)
	}
	fmt.Fprintf(&b, "%d interleaved rounds of %s; medians; access logs on, buffered", r.Rounds, r.Duration)
	if m.Pinned {
		b.WriteString("; server on one core, driver and registry on another")
	}
	b.WriteString("\n")
	for rest := r.Results; len(rest) > 0; {
		n := 1
		for n < len(rest) && slices.Equal(rest[n].columns, rest[0].columns) {
			n++
		}
		b.WriteString("\n" + table(rest[:n]))
		rest = rest[n:]
	}
	for _, other := range contenderNames[1:] {
		if c := comparison(r.Results, other); c != "" {
			b.WriteString("\n" + c)
		}
	}
	return b.String()
}

// table shows results with the same columns.
func table(results []result) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := []string{"scenario", "server"}
	for _, c := range results[0].columns {
		head = append(head, c.title)
	}
	fmt.Fprintln(w, strings.Join(head, "\t")+"\t")
	for _, r := range results {
		for _, s := range r.servers() {
			row := []string{r.Scenario, s}
			for _, c := range r.columns {
				row = append(row, number(median(r.figures(s, c.key)), c.decimals))
			}
			fmt.Fprintln(w, strings.Join(row, "\t")+"\t")
		}
	}
	_ = w.Flush() // into memory
	return trimmed(b.String())
}

// trimmed takes away the blanks at the ends of lines.
func trimmed(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return b.String()
}

// comparison shows what ours takes of another's CPU time. Ratios are taken within a round, where both had the same
// machine, and their median is what counts.
func comparison(results []result, other string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "CPU, ours : "+other+"\tmedian\tlowest\thighest\ttarget\t\t")
	rows := 0
	for _, r := range results {
		ratios := r.ratios(other)
		if len(ratios) == 0 {
			continue
		}
		rows++
		target, verdict := "", ""
		if r.Target > 0 && other == "nginx" {
			target, verdict = "≤ "+number(r.Target, 2), "met"
			if median(ratios) > r.Target {
				verdict = "missed"
			}
		}
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.2f\t%s\t%s\t\n", r.Scenario, median(ratios), slices.Min(ratios), slices.Max(ratios), target, verdict)
	}
	_ = w.Flush() // into memory
	if rows == 0 {
		return ""
	}
	return trimmed(b.String())
}

// contenderNames are in the order of the report: ours first.
var contenderNames = [...]string{"entrepot", "earlier", "nginx"}

// servers are those that had turns, ours first.
func (r *result) servers() []string {
	var names []string
	for _, name := range contenderNames {
		if len(r.Rounds) > 0 && r.Rounds[0][name] != nil {
			names = append(names, name)
		}
	}
	return names
}

// figures are a server's in one column, by round.
func (r *result) figures(server, key string) []float64 {
	var all []float64
	for _, round := range r.Rounds {
		if v, ok := round[server][key]; ok {
			all = append(all, v)
		}
	}
	return all
}

// ratios are ours to another's CPU time, by round; none if one of them has no such figure.
func (r *result) ratios(other string) []float64 {
	var all []float64
	for _, round := range r.Rounds {
		if ours, theirs := round[contenderNames[0]][compared], round[other][compared]; ours > 0 && theirs > 0 {
			all = append(all, ours/theirs)
		}
	}
	return all
}
