package main

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/quic-go/quic-go"
)

// The bare exchange is the least that a cutover can be: the messages of ferry's, with the same proofs,
// between two programs that do nothing else.
//
//	giver                                      taker
//	encode, chain and sign 64 events    ──▶    verify chain and signature, hold
//	verify                              ◀──    sign the head
//	sign the handover: the commit       ──▶    verify
//	verify                              ◀──    sign the head
//
// With durability, each side syncs a record before each message that rests on it: the hold, the commit and
// the activation.
const (
	exchangeEvents  = 64
	exchangePayload = 128
	eventHeader     = 8 + 8 + 32 + 1 + 32 + 8 + 2 // the fields of a log entry
	eventSize       = eventHeader + exchangePayload
	batchSize       = exchangeEvents*eventSize + ed25519.SignatureSize
	headSize        = 8 + 8 + 32 + 32
	replySize       = headSize + ed25519.SignatureSize
	handoverSize    = 32*5 + headSize + 3*8 + ed25519.SignatureSize
)

var errExchange = errors.New("a proof of the bare exchange does not verify")

// party is what both sides need: a key, the other's, a place on disk.
type party struct {
	stream *quic.Stream
	key    ed25519.PrivateKey
	other  ed25519.PublicKey
	disk   disk
	buf    []byte
	head   [32]byte
}

// newParty makes keys and swaps their public halves over the stream.
func newParty(stream *quic.Stream, durable bool) (*party, error) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	p := &party{stream: stream, key: private, other: make([]byte, ed25519.PublicKeySize), buf: make([]byte, batchSize)}
	if durable {
		if p.disk, err = newDisk(); err != nil {
			return nil, err
		}
	}
	if _, err := stream.Write(public); err != nil {
		return nil, err
	}
	_, err = io.ReadFull(stream, p.other)
	return p, err
}

// send signs the statement, puts the signature at the end of the first n bytes of the buffer and writes those.
func (p *party) send(n int, statement []byte) error {
	copy(p.buf[n-ed25519.SignatureSize:n], ed25519.Sign(p.key, statement))
	_, err := p.stream.Write(p.buf[:n])
	return err
}

// read fills the first n bytes of the buffer.
func (p *party) read(n int) error {
	_, err := io.ReadFull(p.stream, p.buf[:n])
	return err
}

// verify checks the signature at the end of the first n bytes of the buffer.
func (p *party) verify(n int, statement []byte) error {
	if !ed25519.Verify(p.other, statement, p.buf[n-ed25519.SignatureSize:n]) {
		return errExchange
	}
	return nil
}

// body is what comes before the signature in the first n bytes of the buffer.
func (p *party) body(n int) []byte { return p.buf[:n-ed25519.SignatureSize] }

// chain goes through the batch in the buffer: the giver fills in each event's parent, the taker compares.
func (p *party) chain(fill bool) error {
	for i := range exchangeEvents {
		event := p.buf[i*eventSize : (i+1)*eventSize]
		if fill {
			binary.BigEndian.PutUint64(event[8:], uint64(i))
			copy(event[16:], p.head[:])
		} else if [32]byte(event[16:48]) != p.head {
			return errExchange
		}
		p.head = sha256.Sum256(event)
	}
	return nil
}

// giver is the source of exchanges.
type giver struct{ *party }

// ExchangeArgs ask for exchanges, one after the other.
type ExchangeArgs struct{ Count int }

// Exchange does exchanges over a stream that stays open, and returns the nanoseconds of each.
func (r *bareRole) Exchange(a ExchangeArgs, took *[]float64) error {
	if r.giver == nil {
		stream, err := r.conn.OpenStreamSync(context.Background())
		if err != nil {
			return err
		}
		if _, err := stream.Write([]byte{askExchange}); err != nil {
			return err
		}
		p, err := newParty(stream, r.durable)
		if err != nil {
			return err
		}
		r.giver = &giver{p}
	}
	for range a.Count {
		begun := time.Now()
		if err := r.giver.exchange(); err != nil {
			return err
		}
		*took = append(*took, since(begun))
	}
	return nil
}

// exchange is the giving side. What a batch's signature covers is the head of the chain after it; the other
// statements are short and covered whole.
func (g *giver) exchange() error {
	if err := g.chain(true); err != nil {
		return err
	}
	if err := g.send(batchSize, g.head[:]); err != nil {
		return err
	}
	if err := g.answer(); err != nil {
		return err
	}
	if err := g.disk.sync(); err != nil {
		return err
	}
	if err := g.send(handoverSize, g.body(handoverSize)); err != nil {
		return err
	}
	return g.answer()
}

// answer reads and verifies one of the taker's.
func (g *giver) answer() error {
	if err := g.read(replySize); err != nil {
		return err
	}
	return g.verify(replySize, g.body(replySize))
}

// takeAll is the taking side, until the stream ends.
func takeAll(stream *quic.Stream, durable bool) error {
	p, err := newParty(stream, durable)
	if err != nil {
		return err
	}
	for err == nil {
		err = p.take()
	}
	return errors.Join(err, p.disk.close())
}

// take is the taking side of one exchange.
func (p *party) take() error {
	if err := p.read(batchSize); err != nil {
		return err
	}
	if err := p.chain(false); err != nil {
		return err
	}
	if err := p.verify(batchSize, p.head[:]); err != nil {
		return err
	}
	if err := p.reply(); err != nil {
		return err
	}
	if err := p.read(handoverSize); err != nil {
		return err
	}
	if err := p.verify(handoverSize, p.body(handoverSize)); err != nil {
		return err
	}
	return p.reply()
}

// reply makes what was said durable and signs the head.
func (p *party) reply() error {
	if err := p.disk.sync(); err != nil {
		return err
	}
	return p.send(replySize, p.body(replySize))
}

// disk is a file that was written once, so that a sync has no new blocks to record. Without a file nothing
// is durable.
type disk struct {
	file *os.File
	at   int64
}

const (
	diskSize   = 8 << 20
	diskRecord = 512
)

// newDisk makes the file.
func newDisk() (disk, error) {
	f, err := os.CreateTemp("", "ferry-bench-bare-")
	if err != nil {
		return disk{}, err
	}
	if _, err := f.Write(make([]byte, diskSize)); err != nil {
		return disk{}, errors.Join(err, f.Close())
	}
	return disk{file: f}, f.Sync()
}

// sync makes one record durable.
func (d *disk) sync() error {
	if d.file == nil {
		return nil
	}
	if _, err := d.file.WriteAt(make([]byte, diskRecord), d.at); err != nil {
		return err
	}
	d.at = (d.at + diskRecord) % diskSize
	return syscall.Fdatasync(int(d.file.Fd()))
}

// close removes the file.
func (d *disk) close() error {
	if d.file == nil {
		return nil
	}
	return errors.Join(os.Remove(d.file.Name()), d.file.Close())
}
