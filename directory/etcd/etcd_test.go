package etcd

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"github.com/ferrymesh/ferry/directory"
	"github.com/ferrymesh/ferry/directory/conformance"
	"github.com/ferrymesh/ferry/wire"
)

// cluster is a real etcd server of one member, in this process, and a client.
type cluster struct {
	t      *testing.T
	dir    string
	server *embed.Etcd
	client *clientv3.Client
}

func newCluster(t *testing.T) *cluster {
	c := &cluster{t: t, dir: t.TempDir()}
	c.start()
	t.Cleanup(c.stop)
	return c
}

func (c *cluster) start() {
	c.t.Helper()
	cfg, loopback := embed.NewConfig(), url.URL{Scheme: "http", Host: "127.0.0.1:0"}
	cfg.Dir, cfg.LogLevel = c.dir, "fatal"
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{loopback}, []url.URL{loopback}
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{loopback}, []url.URL{loopback}
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	var err error
	if c.server, err = embed.StartEtcd(cfg); err != nil {
		c.t.Fatal(err)
	}
	select {
	case <-c.server.Server.ReadyNotify():
	case err := <-c.server.Err():
		c.t.Fatal(err)
	case <-time.After(30 * time.Second):
		c.t.Fatal("etcd is not ready after 30 s")
	}
	c.client, err = clientv3.New(clientv3.Config{Endpoints: []string{c.server.Clients[0].Addr().String()}, Logger: zap.NewNop()})
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) stop() {
	if err := c.client.Close(); err != nil && !errors.Is(err, context.Canceled) {
		c.t.Error(err)
	}
	c.server.Close()
}

func TestEtcdConforms(t *testing.T) {
	c, n := newCluster(t), 0
	conformance.Run(t, func(t *testing.T) conformance.Backend {
		n++
		o := Options{Prefix: fmt.Sprintf("/test/%d/", n)}
		return conformance.Backend{Directory: New(c.client, o), Reopen: func() directory.Directory {
			c.stop()
			c.start()
			return New(c.client, o)
		}}
	})
}

// faulty is a KV whose transactions go wrong in a way that the caller cannot tell.
type faulty struct {
	clientv3.KV
	// commit is called for each transaction with the way to make it. Its error is
	// what the caller gets.
	commit func(do func() (*clientv3.TxnResponse, error)) (*clientv3.TxnResponse, error)
}

func (f *faulty) Txn(ctx context.Context) clientv3.Txn { return &faultyTxn{f.KV.Txn(ctx), f} }

type faultyTxn struct {
	clientv3.Txn
	f *faulty
}

func (t *faultyTxn) If(c ...clientv3.Cmp) clientv3.Txn  { t.Txn = t.Txn.If(c...); return t }
func (t *faultyTxn) Then(o ...clientv3.Op) clientv3.Txn { t.Txn = t.Txn.Then(o...); return t }
func (t *faultyTxn) Commit() (*clientv3.TxnResponse, error) {
	return t.f.commit(t.Txn.Commit)
}

var errGone = errors.New("connection is gone")

// registered returns a directory over the faulty KV, which works until the daemon
// is registered.
func registered(t *testing.T, c *cluster, f *faulty) (*directory.Table, *conformance.Daemon) {
	t.Helper()
	f.KV = c.client
	fault := f.commit
	f.commit = func(do func() (*clientv3.TxnResponse, error)) (*clientv3.TxnResponse, error) { return do() }
	table, d := directory.NewTable(newStore(f, c.client, Options{})), conformance.NewDaemon(t, 1)
	if _, err := table.Register(t.Context(), d.Birth()); err != nil {
		t.Fatal(err)
	}
	f.commit = fault
	return table, d
}

// TestLostAnswerIsReadBack: a transaction that was applied and not answered counts
// once, and the caller learns that it did.
func TestLostAnswerIsReadBack(t *testing.T) {
	sent := 0
	f := &faulty{commit: func(do func() (*clientv3.TxnResponse, error)) (*clientv3.TxnResponse, error) {
		sent++
		if got, err := do(); err != nil || !got.Succeeded {
			t.Errorf("transaction %d: %+v, %v", sent, got, err)
		}
		return nil, errGone
	}}
	table, d := registered(t, newCluster(t), f)
	aborted := d.Move(1)
	if out, err := table.Claim(t.Context(), conformance.Abort(aborted)); err != nil || out.Decision != wire.DecisionAbort {
		t.Errorf("abort: %+v, %v", out, err)
	}
	out, err := table.Claim(t.Context(), d.Move(2))
	if err != nil || out.Decision != wire.DecisionCommit {
		t.Fatalf("commit: %+v, %v", out, err)
	}
	d.Accept(out.Cert)
	if _, err := table.Force(t.Context(), d.Forced(3, d.Admin)); err != nil || sent != 3 {
		t.Errorf("force: %v; %d transactions sent, want 3", err, sent)
	}
}

// TestLateTransactionIsHarmless: the transaction is taken for lost, another decides,
// and then the first one arrives after all.
func TestLateTransactionIsHarmless(t *testing.T) {
	ctx := t.Context()
	var late func() (*clientv3.TxnResponse, error)
	f := &faulty{}
	f.commit = func(do func() (*clientv3.TxnResponse, error)) (*clientv3.TxnResponse, error) {
		if late == nil {
			late = do
			return nil, errGone
		}
		return do()
	}
	table, d := registered(t, newCluster(t), f)
	c := d.Move(1)
	out, err := table.Claim(ctx, c) // lost, and made again
	if err != nil || out.Decision != wire.DecisionCommit {
		t.Fatalf("claim: %+v, %v", out, err)
	}
	before, err := table.Lookup(ctx, d.Origin())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := late(); err != nil || got.Succeeded {
		t.Errorf("the late transaction was applied as well: %+v, %v", got, err)
	}
	if e, err := table.Lookup(ctx, d.Origin()); err != nil || e.Previous != before.Previous || e.Epoch != 2 {
		t.Errorf("afterwards: %+v, %v", e, err)
	}
}

// TestUnreachableClusterIsUnclear: with no answer to read back either, the caller is
// told that nobody knows.
func TestUnreachableClusterIsUnclear(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := &faulty{commit: func(func() (*clientv3.TxnResponse, error)) (*clientv3.TxnResponse, error) {
		cancel()
		return nil, errGone
	}}
	table, d := registered(t, newCluster(t), f)
	_, err := table.Claim(ctx, d.Move(1))
	if !errors.Is(err, directory.ErrUnclear) || !errors.Is(err, errGone) {
		t.Errorf("claim: %v", err)
	}
}

// TestOwnershipDoesNotExpire: no record hangs on a lease.
func TestOwnershipDoesNotExpire(t *testing.T) {
	c := newCluster(t)
	table, d := registered(t, c, &faulty{commit: func(do func() (*clientv3.TxnResponse, error)) (*clientv3.TxnResponse, error) { return do() }})
	if _, err := table.Claim(t.Context(), d.Move(1)); err != nil {
		t.Fatal(err)
	}
	got, err := c.client.Get(t.Context(), DefaultPrefix, clientv3.WithPrefix())
	if err != nil || len(got.Kvs) != 3 {
		t.Fatalf("%d records, %v, want a row and two moves", len(got.Kvs), err)
	}
	for _, kv := range got.Kvs {
		if kv.Lease != 0 {
			t.Errorf("%s has a lease", kv.Key)
		}
	}
}

func TestAliveFollowsItsLease(t *testing.T) {
	ctx, c := t.Context(), newCluster(t)
	dir, node := New(c.client, Options{}), conformance.Node(4)
	const ttl = 20 * time.Second
	a, err := dir.Announce(ctx, node, "node-e:4600", ttl)
	if err != nil {
		t.Fatal(err)
	}
	present := func(want int) {
		t.Helper()
		nodes, err := dir.Present(ctx)
		if err != nil || len(nodes) != want || want > 0 && nodes[node] != "node-e:4600" {
			t.Errorf("present: %v, %v, want %d", nodes, err, want)
		}
	}
	present(1)
	first := a.Remaining()
	if err := a.Renew(ctx); err != nil || first <= 0 || first > ttl || a.Remaining() <= first-time.Second {
		t.Errorf("renewed: %v; %v left, and then %v", err, first, a.Remaining())
	}
	if _, err := c.client.Revoke(ctx, a.id); err != nil { // as when it runs out
		t.Fatal(err)
	}
	present(0)
	if err := a.Renew(ctx); !errors.Is(err, ErrLeaseLost) {
		t.Errorf("renewed after the end: %v", err)
	}
	if b, err := dir.Announce(ctx, node, "node-e:4600", ttl); err != nil || b.Close(ctx) != nil || b.Remaining() != 0 {
		t.Errorf("announced and closed: %v", err)
	}
	present(0)
}
