// Package redact takes out of texts what should not be kept. Text replaces what looks like a
// key, an e-mail address, a telephone number, a card number or an IBAN: that is pattern
// redaction, which finds what is written as people and programs usually write it. It is no
// guarantee that a text holds no personal data. A Mask replaces values that are known.
package redact
