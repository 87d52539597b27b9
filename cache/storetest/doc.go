// Package storetest is the contract of [cache.Store], to be run.
//
// # Contract
//
//   - A store that passes [Run] can stand behind a cache.
//   - It is for tests only; nothing else imports it.
package storetest
