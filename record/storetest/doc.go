// Package storetest holds the contract of record.Store as tests: Run is for a store's own
// tests. What a store answers is compared with Memory, which is too simple to be wrong in the
// same way.
package storetest
