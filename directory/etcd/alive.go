package etcd

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ferrymesh/ferry/crypto"
)

// ErrLeaseLost: the lease ran out, or was revoked. Announce begins another.
var ErrLeaseLost = errors.New("etcd: the node's lease is gone")

// Alive is a key that says that a node is there. The cluster deletes it when the
// node's lease runs out.
//
// It is a hint, for people and for whoever chooses targets. It excludes nobody: a
// node that was paused believes in its lease for as long as it has not looked at
// the clock, and the cluster may take the key away while the node serves. Who
// holds a daemon is in the rows, which do not expire.
type Alive struct {
	client *clientv3.Client
	key    string
	id     clientv3.LeaseID

	mu      sync.Mutex
	expires time.Time // by this node's monotonic clock, on the safe side
}

// Announce writes the node's key, with the addresses as its value, under a lease of
// at least ttl, rounded up to seconds. Nothing renews it but Renew.
func (d *Directory) Announce(ctx context.Context, node crypto.NodeID, addrs string, ttl time.Duration) (*Alive, error) {
	// The time that counts is that before the request left: the cluster's count
	// begins later.
	sent := time.Now()
	lease, err := d.client.Grant(ctx, int64((ttl+time.Second-1)/time.Second))
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	a := &Alive{client: d.client, key: d.store.prefix + "alive/" + node.Hex(), id: lease.ID}
	a.expires = sent.Add(time.Duration(lease.TTL) * time.Second)
	if _, err := d.client.Put(ctx, a.key, addrs, clientv3.WithLease(a.id)); err != nil {
		// A put that got no answer may have been made; the lease ends it.
		return nil, fmt.Errorf("etcd: %w", err)
	}
	return a, nil
}

// Renew extends the lease by its full time. Call it several times per lease.
// Errors: ErrLeaseLost; the client's.
func (a *Alive) Renew(ctx context.Context) error {
	sent := time.Now()
	got, err := a.client.KeepAliveOnce(ctx, a.id)
	if err != nil {
		return classify(err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.expires = sent.Add(time.Duration(got.TTL) * time.Second)
	return nil
}

// classify names the error of a lease that the cluster does not know any more.
func classify(err error) error {
	if errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return fmt.Errorf("%w: %w", ErrLeaseLost, err)
	}
	return fmt.Errorf("etcd: %w", err)
}

// Remaining returns how much of the lease is left, at least: 0 once it may be over.
func (a *Alive) Remaining() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return max(0, time.Until(a.expires))
}

// Close gives the lease back, and the key goes.
func (a *Alive) Close(ctx context.Context) error {
	if _, err := a.client.Revoke(ctx, a.id); err != nil {
		return classify(err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.expires = time.Time{}
	return nil
}

// Present returns the nodes whose keys are there, with their addresses.
func (d *Directory) Present(ctx context.Context) (map[crypto.NodeID]string, error) {
	prefix := d.store.prefix + "alive/"
	got, err := d.store.kv.Get(ctx, prefix, clientv3.WithPrefix())
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	nodes := make(map[crypto.NodeID]string, len(got.Kvs))
	for _, kv := range got.Kvs {
		node, err := crypto.ParseNodeID(string(kv.Key[len(prefix):]))
		if err != nil {
			return nil, fmt.Errorf("etcd: key %q names no node: %w", kv.Key, err)
		}
		nodes[node] = string(kv.Value)
	}
	return nodes, nil
}
