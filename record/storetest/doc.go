// Package storetest holds the contract of record.Store as tests: Run is for a store's own
// tests, RunServer for those of a store on a server. What a store answers is compared with
// Memory, which is too simple to be wrong in the same way. RunReadOnly and RunSecret hold what
// is promised of opening stores.
package storetest
