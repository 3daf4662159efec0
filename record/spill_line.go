package record

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
)

// A spill file is lines of text, so that whatever happens to it, people and programs find
// the next whole line. Each is
//
//	CHECKSUM KIND JSON
//
// where CHECKSUM is the CRC-32C, in eight hexadecimal digits, of what follows the space
// after it up to the end of the line, and KIND says what the JSON is.
const (
	lineRow        = 'r'
	lineCompletion = 'c'
	lineFeedback   = 'f'

	linePrefix = len("00000000 r ")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendLine appends the line of an item to a buffer. It appends nothing when it returns an
// error.
func appendLine(b *bytes.Buffer, it item) (err error) {
	start := b.Len()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
		if err != nil {
			b.Truncate(start)
			err = fmt.Errorf("write as JSON: %w", err)
		}
	}()
	kind, value := byte(lineRow), any(it.row)
	switch {
	case it.gift == nil:
	case it.gift.feedback != nil:
		kind, value = lineFeedback, it.gift.feedback
	default:
		kind, value = lineCompletion, it.gift.completion
	}
	b.Write([]byte{'0', '0', '0', '0', '0', '0', '0', '0', ' ', kind, ' '})
	enc := json.NewEncoder(b) // which ends it with a line feed
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return err
	}
	line := b.Bytes()[start:]
	writeSum(line, checksum(line[9:len(line)-1]))
	return nil
}

func checksum(text []byte) uint32 { return crc32.Checksum(text, castagnoli) }

func writeSum(line []byte, sum uint32) {
	hex.Encode(line, []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
}

// readLines reads lines into a batch and returns those that are damaged.
func readLines(text []byte) (batch *Batch, damaged [][]byte) {
	batch = new(Batch)
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, []byte{'\n'})
		text = rest
		if len(line) == 0 || readLine(line, batch) {
			continue
		}
		// A line feed that turned into something else makes one line of two.
		for _, piece := range pieces(line) {
			if !readLine(piece, batch) {
				damaged = append(damaged, piece)
			}
		}
	}
	return batch, damaged
}

// readLine adds what a line holds to a batch, and returns false when the line is damaged.
func readLine(line []byte, batch *Batch) bool {
	if !beginsLine(line) {
		return false
	}
	var sum [8]byte
	writeSum(sum[:], checksum(line[9:]))
	if !bytes.Equal(sum[:], line[:8]) {
		return false
	}
	text := line[linePrefix:]
	switch line[9] {
	case lineRow:
		row := new(Row)
		if json.Unmarshal(text, row) != nil {
			return false
		}
		batch.Rows = append(batch.Rows, row)
	case lineCompletion:
		c := new(Completion)
		if json.Unmarshal(text, c) != nil {
			return false
		}
		batch.Completions = append(batch.Completions, c)
	default:
		f := new(Feedback)
		if json.Unmarshal(text, f) != nil {
			return false
		}
		batch.Feedback = append(batch.Feedback, f)
	}
	return true
}

// beginsLine says whether a text begins like a line.
func beginsLine(b []byte) bool {
	if len(b) <= linePrefix || b[8] != ' ' || b[10] != ' ' || b[11] != '{' {
		return false
	}
	if b[9] != lineRow && b[9] != lineCompletion && b[9] != lineFeedback {
		return false
	}
	for _, c := range b[:8] {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// pieces splits a damaged line where another one seems to begin within it.
func pieces(line []byte) [][]byte {
	var found [][]byte
	start := 0
	for i := 1; i < len(line); i++ {
		if beginsLine(line[i:]) {
			found = append(found, line[start:i-1])
			start = i
		}
	}
	return append(found, line[start:])
}
