package failure

import "strings"

// statuses is a range of HTTP statuses that a row holds for; the zero value holds for all,
// and for errors in a stream that name none.
type statuses struct {
	from, to int // both included
	// stream says that the row also holds for an error in a stream that names no status.
	stream bool
}

func (s statuses) has(status int) bool {
	if status == 0 {
		return s.stream || s == statuses{}
	}
	return s == statuses{} || s.from <= status && status <= s.to
}

// only is one status.
func only(status int) statuses { return statuses{from: status, to: status} }

// row is one thing that is known of how providers report failures. All of its conditions
// that are not empty must hold; of each list one word or phrase must.
//
// Messages quote the request, so a client can choose words in them. A row whose class rests a
// key or an account must therefore not go by a phrase anywhere in the message of a status
// that the client can provoke: it goes by words, by the status, or by how the message begins.
type row struct {
	class Class
	// at is which statuses the row holds for.
	at statuses
	// words are what the code, the type or a deeper reason is equal to, in any case.
	words []string
	// begins are what the message begins with, in lower case.
	begins []string
	// says are phrases in the message, in lower case.
	says []string
	// source is where this is from: a vendor's page, or where such an error was seen.
	source string
}

// maxText is how much of a message is looked at for phrases, in bytes.
const maxText = 4 << 10

// subject is what rows are matched with.
type subject struct {
	status  int
	words   []string
	quoted  []string // words of an error that this one quotes
	message string   // in lower case
}

// classify finds the class: that of the first row that holds. The last row holds always.
func (e *envelope) classify() Class {
	message := e.message
	if message == "" {
		message = e.text
	}
	s := subject{
		status:  e.status,
		words:   append([]string{e.code, e.typ}, e.reasons...),
		quoted:  e.quoted,
		message: strings.ToLower(strings.TrimSpace(message[:min(len(message), maxText)])),
	}
	return table[s.row()].class
}

// row returns the index of the first row that holds.
func (s *subject) row() int {
	for i := range table {
		if s.meets(&table[i]) {
			return i
		}
	}
	return len(table) - 1
}

func (s *subject) meets(r *row) bool {
	return r.at.has(s.status) && s.named(r) &&
		s.phrased(r.begins, strings.HasPrefix) && s.phrased(r.says, strings.Contains)
}

// named says whether one of the row's words is among the subject's, or the row has none. A
// key or account that a quoted error complains about is not ours but that of the provider
// which quotes it.
func (s *subject) named(r *row) bool {
	return len(r.words) == 0 || among(r.words, s.words) ||
		r.class != BadKey && r.class != Quota && among(r.words, s.quoted)
}

// among says whether two lists have a word in common, in any case.
func among(words, own []string) bool {
	for _, w := range words {
		for _, o := range own {
			if strings.EqualFold(w, o) {
				return true
			}
		}
	}
	return false
}

// phrased says whether the message has one of the phrases, or there are none.
func (s *subject) phrased(phrases []string, has func(s, phrase string) bool) bool {
	for _, p := range phrases {
		if has(s.message, p) {
			return true
		}
	}
	return len(phrases) == 0
}
