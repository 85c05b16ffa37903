package sim

import (
	"container/heap"
	"encoding/binary"
	"hash"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// Start is when every cluster begins.
var Start = time.Unix(1_700_000_000, 0).UTC()

// Options describe a cluster. Every field but Seed and Nodes may be left zero.
type Options struct {
	Seed  uint64
	Nodes int
	// Core tunes the roles' timings; identity, keys and admission are set here.
	Core node.Config
	// Target limits what migrations towards a node may hold.
	Target target.Config
	// Net says how slow the network and the nodes are.
	Net Speeds
	// Durability is that of all daemons. Above memory every node has a disk, which outlives its processes and
	// forgets or tears what was not synced when one dies.
	Durability wire.Durability
	// Journal tunes the nodes' journals.
	Journal journal.Config
	// Directory lets one decide about the moves; DirectoryLoses is how many of a hundred questions to it, and of
	// a hundred answers, are lost.
	Directory      bool
	DirectoryLoses int
	// Clocks gives every node a clock of its own rate, which each new process finds set anew.
	Clocks bool
	// Strangers leaves the nodes without each other's addresses.
	Strangers bool
	// Trace receives a line for everything that happens.
	Trace io.Writer
	// Rule is one more check, made after every step: what it returns is what is wrong.
	Rule func(*Cluster) string
	// Hash makes Hash work.
	Hash bool
}

// Speeds are the upper bounds of delays, drawn evenly; a zero one means the default.
type Speeds struct {
	Link   time.Duration // one way, default 2 ms
	Spike  time.Duration // of 3 frames in 100, default 20 ms
	Call   time.Duration // until a call of a queue runs, default 200 µs
	Piece  time.Duration // between two pieces of a snapshot, default 1 ms
	Notice time.Duration // until an end of a cut session notices, default 50 ms
	Chunk  int           // bytes of a piece, default 4,096
	Even   bool          // every frame takes Link, neither less nor more
}

func (s Speeds) withDefaults() Speeds {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&s.Link, 2*time.Millisecond)
	def(&s.Spike, 20*time.Millisecond)
	def(&s.Call, 200*time.Microsecond)
	def(&s.Piece, time.Millisecond)
	def(&s.Notice, 50*time.Millisecond)
	if s.Chunk == 0 {
		s.Chunk = 4096
	}
	return s
}

// Cluster is a number of nodes and the network between them. It is not safe for concurrent use.
type Cluster struct {
	opt   Options
	nodes []*Node

	now    time.Time
	jobs   jobs
	made   uint64
	atOnce int
	rands  map[string]*rand.Rand
	hash   hash.Hash64

	links     map[pair]*link
	sessions  []*session // alive or not; pruned now and then
	lastID    uint64     // of sessions, requests, migrations
	directory *registry  // nil for none

	logs       map[uint64]*chronicle // what every copy of a daemon must agree on, by origin
	requests   []*Request
	migrations []*migration
	order, all []uint64 // the origins that are checked, and those of all daemons, ascending

	onHeard func(wire.Type, *Node)     // told of every frame as it is sent; may be nil
	near    func(*life, node.Call)     // told of every call as it is queued, to do harm around it; may be nil
	lied    map[crypto.ProducerID]bool // producers of a hostile node
	largest int                        // payload that a hostile node has made up
	heard   map[wire.Type][]heard      // what was said lately; nil without a hostile node
	steps   uint64
	copied  uint64 // bytes of snapshots
	deaths  int
	oneWay  int        // see OneWay
	seeds   [][32]byte // of every private key that was made for a daemon
	err     error
	failed  string // the format of err, which names the check
}

// New returns a cluster in which nothing has happened yet.
func New(opt Options) *Cluster {
	opt.Net = opt.Net.withDefaults()
	c := &Cluster{
		opt: opt, now: Start, rands: make(map[string]*rand.Rand), hash: fnv.New64a(),
		links: make(map[pair]*link), logs: make(map[uint64]*chronicle),
	}
	if opt.Directory {
		c.directory = newRegistry(opt.DirectoryLoses)
	}
	heap.Init(&c.jobs)
	for i := range opt.Nodes {
		c.nodes = append(c.nodes, c.newNode(i))
	}
	for _, n := range c.nodes {
		n.start()
	}
	return c
}

// Node returns a node by its number from 0.
func (c *Cluster) Node(i int) *Node { return c.nodes[i] }

// Nodes returns all nodes, the dead included.
func (c *Cluster) Nodes() []*Node { return c.nodes }

// Copied returns how many bytes of snapshots have been sent, those that never arrived counted.
func (c *Cluster) Copied() uint64 { return c.copied }

// Steps returns how many inputs all cores have taken.
func (c *Cluster) Steps() uint64 { return c.steps }

func (c *Cluster) node(id crypto.NodeID) *Node {
	for _, n := range c.nodes {
		if n.ID == id {
			return n
		}
	}
	return nil
}

func (c *Cluster) nextID() uint64 {
	c.lastID++
	return c.lastID
}

// newKey makes keys from the seed.
func (c *Cluster) newKey() (*crypto.EntityKeypair, error) {
	return crypto.KeypairFromSeed(c.bytes32("entity keys"))
}

func (c *Cluster) bytes32(concern string) (b [32]byte) {
	r := c.source(concern)
	for i := 0; i < len(b); i += 8 {
		binary.BigEndian.PutUint64(b[i:], r.Uint64())
	}
	return b
}

func (c *Cluster) migrationID() (id wire.MigrationID) {
	b := c.bytes32("migrations")
	copy(id[:], b[:])
	return id
}
