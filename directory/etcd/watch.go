package etcd

import (
	"context"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ferrymesh/ferry/directory"
)

// Changed implements directory.Store. The channel is closed by the first thing
// that the watch has to say, be it only that it ended: the caller looks again and
// asks for another. The watch ends with the context, hence Watch below.
func (s *store) Changed(ctx context.Context, origin uint64) (<-chan struct{}, error) {
	key := s.rowKey(origin)
	got, err := s.kv.Get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	// From the revision after the read on, so that nothing falls between. A
	// member without a leader would be silent for ever, hence RequireLeader.
	events := s.watcher.Watch(clientv3.WithRequireLeader(ctx), key, clientv3.WithRev(got.Header.Revision+1))
	changed := make(chan struct{})
	go func() {
		defer close(changed)
		<-events
	}()
	return changed, nil
}

// Watch implements directory.Directory.
func (d *Directory) Watch(ctx context.Context, origin, after uint64) (directory.Entry, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the watches in the cluster
	return d.Table.Watch(ctx, origin, after)
}
