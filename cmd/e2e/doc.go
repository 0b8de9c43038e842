// Package e2e runs the real programs against each other as a user and an enemy
// would: processes, sockets, signals, a proxy that fails. It holds tests alone.
package e2e
