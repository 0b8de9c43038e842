package local

import "context"

// DataVersion returns a number that changes when any process, this one
// included, has written to the store. It compares only with numbers of the
// same Store.
func (s *Store) DataVersion(ctx context.Context) (v int64, err error) {
	s.watch.Lock()
	defer s.watch.Unlock()
	if s.watched == nil {
		if s.watched, err = s.readers.Conn(context.WithoutCancel(ctx)); err != nil {
			return 0, s.fault("watch store", err)
		}
	}
	err = s.watched.QueryRowContext(ctx, "PRAGMA data_version").Scan(&v)
	return v, s.fault("watch store", err)
}
