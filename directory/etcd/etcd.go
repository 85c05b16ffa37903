// Package etcd keeps a directory in an etcd cluster.
//
// Each daemon has a row and, for each epoch, a record that never changes. A step reads the row
// linearizably, applies the rules of package directory to it, and writes the result in one transaction that
// succeeds only if the row has still the revision that was read. Neither has a lease: who holds a daemon does not
// expire.
//
// # Unclear answers
//
// A transaction whose answer is lost may have been applied, or may yet be. It is never sent again as it was:
// the row is read anew, and if it shows that the attempt was decided, that is the answer. If it does not,
// the step is made again from what was read. That is safe, because of two transactions with the same
// revision in their condition the cluster applies one. The client library sends a transaction
// again only if it never left this process, and the same condition guards it.
//
// # Who checks
//
// etcd stores what it is given. The evidence is verified by the node that writes, so whoever has write access to the
// prefix can write anything. They cannot make a stranger the holder, since nodes verify the handover
// that comes with a COMMIT, but they can block and they can lie about aborts. Give access to nodes only.
package etcd

import (
	"context"
	"errors"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ferrymesh/ferry/directory"
)

// DefaultPrefix is what the keys begin with unless Options say otherwise.
const DefaultPrefix = "/ferry/v1/"

const (
	// maxTries bounds how often a step is made again because another one came
	// between, or because its answer was lost.
	maxTries = 16
	// maxMoves bounds the records of one transaction: clusters take 128
	// operations by default. Only a recovery writes more than one.
	maxMoves = 100
)

// Options configure a directory. The zero value is ready to use.
type Options struct {
	// Prefix is what all keys begin with: DefaultPrefix if empty. Directories
	// with different prefixes are independent.
	Prefix string
}

// Directory is a directory in a cluster. It is safe for concurrent use.
type Directory struct {
	*directory.Table
	client *clientv3.Client
	store  *store
}

var _ directory.Directory = (*Directory)(nil)

// New returns the directory that the client's cluster keeps. The client stays the
// caller's, to configure and to close. Calls last as long as their contexts
// allow.
func New(client *clientv3.Client, o Options) *Directory {
	s := newStore(client, client, o)
	return &Directory{directory.NewTable(s), client, s}
}

// newStore is New with a KV of its own, which tests make lose answers.
func newStore(kv clientv3.KV, watcher clientv3.Watcher, o Options) *store {
	prefix := o.Prefix
	if prefix == "" {
		prefix = DefaultPrefix
	}
	return &store{kv, watcher, prefix}
}

// store is the directory.Store.
type store struct {
	kv      clientv3.KV
	watcher clientv3.Watcher
	prefix  string
}

func (s *store) rowKey(origin uint64) string { return fmt.Sprintf("%srows/%016x", s.prefix, origin) }

func (s *store) moveKey(origin, epoch uint64) string {
	return fmt.Sprintf("%smoves/%016x/%016x", s.prefix, origin, epoch)
}

// reader is the directory.Reader of one try.
type reader struct {
	ctx      context.Context
	s        *store
	origin   uint64
	row      []byte // nil for none
	revision int64  // of the row's last change, 0 for none
	failed   bool   // a read has failed: what follows from it is no answer
}

// read gets the row. Reads are linearizable unless asked otherwise.
func (s *store) read(ctx context.Context, origin uint64) (*reader, error) {
	got, err := s.kv.Get(ctx, s.rowKey(origin))
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	r := &reader{ctx: ctx, s: s, origin: origin}
	if len(got.Kvs) > 0 {
		r.row, r.revision = got.Kvs[0].Value, got.Kvs[0].ModRevision
	}
	return r, nil
}

// Row implements directory.Reader.
func (r *reader) Row() (*directory.Row, error) {
	if r.row == nil {
		return nil, nil
	}
	return directory.DecodeRow(r.row, r.origin)
}

// Move implements directory.Reader. Records are written with the row that they
// lead to and never change, so that a later read is as good.
func (r *reader) Move(epoch uint64) (*directory.Move, error) {
	got, err := r.s.kv.Get(r.ctx, r.s.moveKey(r.origin, epoch))
	if err != nil {
		r.failed = true
		return nil, fmt.Errorf("etcd: %w", err)
	}
	if len(got.Kvs) == 0 {
		return nil, nil
	}
	return directory.DecodeMove(got.Kvs[0].Value, r.origin, epoch)
}

// View implements directory.Store.
func (s *store) View(ctx context.Context, origin uint64, f func(directory.Reader) error) error {
	r, err := s.read(ctx, origin)
	if err != nil {
		return err
	}
	return f(r)
}

// Update implements directory.Store.
func (s *store) Update(ctx context.Context, origin uint64, f func(directory.Reader) (*directory.Change, error)) error {
	var lost error // why an earlier transaction has no answer
	for range maxTries {
		r, err := s.read(ctx, origin)
		if err != nil {
			return unclear(lost, err)
		}
		change, err := f(r)
		if r.failed {
			return unclear(lost, err)
		}
		if err != nil || change == nil {
			return err // decided by what was read, whoever wrote it
		}
		done, err := s.write(ctx, r, change)
		if done {
			return nil
		}
		if err != nil {
			lost = err
		}
	}
	return unclear(lost, fmt.Errorf("etcd: no end after %d tries", maxTries))
}

// write applies a change to the row that was read. If it is not done and there is
// no error, the row has changed since; with an error nobody knows.
func (s *store) write(ctx context.Context, r *reader, change *directory.Change) (done bool, err error) {
	row := s.rowKey(r.origin)
	conditions := []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(row), "=", r.revision)}
	puts := []clientv3.Op{clientv3.OpPut(row, string(directory.AppendRow(nil, change.Row)))}
	for _, move := range change.Moves[max(0, len(change.Moves)-maxMoves):] {
		key := s.moveKey(r.origin, move.Epoch)
		conditions = append(conditions, clientv3.Compare(clientv3.CreateRevision(key), "=", 0))
		puts = append(puts, clientv3.OpPut(key, string(directory.AppendMove(nil, move))))
	}
	got, err := s.kv.Txn(ctx).If(conditions...).Then(puts...).Commit()
	if err != nil {
		return false, fmt.Errorf("etcd: %w", err)
	}
	return got.Succeeded, nil
}

// unclear returns the error of an update that ends without an answer. If a
// transaction was sent and got none, its outcome is unclear.
func unclear(lost, err error) error {
	if lost == nil {
		return err
	}
	return fmt.Errorf("%w: %w", directory.ErrUnclear, errors.Join(lost, err))
}
