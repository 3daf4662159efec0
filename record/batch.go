package record

import "time"

const (
	batchRows  = 512     // how many things a batch holds
	batchBytes = 4 << 20 // at most, but for a single thing that is larger
)

// batch is what is written at once, on its way through the memory of the writer.
type batch struct {
	items []item
	since time.Time // when the first of it was added
	bytes int64
	gifts int // how many of items somebody waits for
	// spilled is where its lines end once they are in the spill file, and before that zero.
	spilled position
}

func (b *batch) full() bool { return len(b.items) >= batchRows || b.bytes >= batchBytes }

func (b *batch) add(it item) {
	b.items = append(b.items, it)
	b.bytes += int64(it.size)
	if it.gift != nil {
		b.gifts++
	}
}

// forStore returns it as stores take it.
func (b *batch) forStore() *Batch {
	out := &Batch{Rows: make([]*Row, 0, len(b.items)-b.gifts)}
	for i := range b.items {
		switch g := b.items[i].gift; {
		case g == nil:
			out.Rows = append(out.Rows, b.items[i].row)
		case g.feedback != nil:
			out.Feedback = append(out.Feedback, g.feedback)
		default:
			out.Completions = append(out.Completions, g.completion)
		}
	}
	return out
}

func (b *batch) rows() int { return len(b.items) - b.gifts }

// reply tells everybody who waits for something of it.
func (b *batch) reply(err error) {
	if b.gifts == 0 {
		return
	}
	for i := range b.items {
		if g := b.items[i].gift; g != nil {
			g.reply(err)
		}
	}
}

// refuse tells whoever waits for the one thing in a Batch that the store does not take it.
func (b *batch) refuse(one *Batch, err error) {
	for i := range b.items {
		g := b.items[i].gift
		if g == nil {
			continue
		}
		if len(one.Feedback) > 0 && one.Feedback[0] == g.feedback || len(one.Completions) > 0 && one.Completions[0] == g.completion {
			g.reply(err)
		}
	}
}
