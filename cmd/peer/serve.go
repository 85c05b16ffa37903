package main

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/ferrymesh/ferry/cmd/peer/admin"
	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/cmd/peer/kinds"
	"github.com/ferrymesh/ferry/cmd/peer/memory"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/peer"
	"github.com/ferrymesh/ferry/wire"
)

const serveLong = `Run a node: it serves daemons, takes in daemons from the nodes that may bring some, and listens for commands
on its admin socket. Everything it keeps is in the data directory: its key (made if there is none), the file
of authorized peers, a count of its starts, and the journal of its daemons, which brings them back at the next
start, however this process has ended. One process has a data directory at a time. SIGINT and SIGTERM end it,
SIGHUP makes it read the file of authorized peers again at once, which it does by itself every two seconds.

` + durabilityHelp + `

--durability is that of the daemons that are born here and ask for nothing else. A disk that is full stops the
acknowledgments until there is room again. A disk that fails to sync ends the process with exit 1, since only
a restart can tell what is on it.

` + directoryHelp + `

--peer says where another node can be dialed, and what to call it: NAME=KEY@ADDRESS, where KEY is the text of
its public key or a file with that. It gives the other node no rights here: peer key authorize does.`

// serveFlags are the flags of "peer serve".
type serveFlags struct {
	key, listen, name, authorized, logLevel, logFormat string
	durability, directory                              string
	peers                                              []string
	readyFD                                            int
}

// newServe takes from the environment what a unit file or a container sets; --peer is a list, and stays with
// the command line.
func newServe(a *app) *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use: "serve", Short: "Run a node", Args: takes(0, 0), Long: serveLong,
		Example: `  peer serve
  peer serve --data ./edge-a --name edge-a --listen 10.0.0.6:7777 --peer edge-b=edge-b.pub@10.0.0.7:7777`,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), a, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.key, "key", "", "key of the node (default DIR/"+keyFile+")")
	flags.StringVar(&f.listen, "listen", ":7777", "UDP address to listen on")
	flags.StringVar(&f.name, "name", "", "what the node calls itself (default: the comment of its key, or the host's name)")
	flags.StringVar(&f.authorized, "authorized", "", "file of authorized peers (default DIR/"+authorizedFile+")")
	flags.StringVar(&f.durability, "durability", wire.DurabilityEveryEvent.String(), durabilityFlag)
	flags.StringVar(&f.directory, "directory", directoryNone, "who decides about moves: none, here, or the NAME of a --peer")
	flags.StringArrayVar(&f.peers, "peer", nil, "another node: NAME=KEY@ADDRESS (may be repeated)")
	flags.StringVar(&f.logLevel, "log-level", "info", "least level of what is logged: debug, info, warn, error, off")
	flags.StringVar(&f.logFormat, "log-format", "auto", "text, json, or auto: text on a terminal")
	flags.IntVar(&f.readyFD, "ready-fd", -1, "write the ready line as JSON to this file descriptor and close it")
	for flag, variable := range map[string]string{
		"key": "FERRY_KEY", "listen": "FERRY_LISTEN", "name": "FERRY_NAME", "authorized": "FERRY_AUTHORIZED",
		"log-level": "FERRY_LOG_LEVEL", "log-format": "FERRY_LOG_FORMAT", "durability": "FERRY_DURABILITY",
		"directory": "FERRY_DIRECTORY",
	} {
		env(flags, flag, variable)
	}
	_ = cmd.RegisterFlagCompletionFunc("durability", cobra.FixedCompletions(levels(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// serve runs a node until ctx ends.
func serve(ctx context.Context, a *app, f serveFlags) error {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP) // from the beginning: it would end the process
	defer signal.Stop(hangups)
	var s server
	defer s.release()
	if err := s.prepare(a, f); err != nil {
		return err
	}
	defer memory.Tune()()
	ignoreFileLimit()
	if err := s.start(a, f); err != nil {
		return err
	}
	web := &http.Server{Handler: s.admin, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	go s.housekeep(ctx, hangups)
	ended := make(chan error, 1)
	go func() { ended <- web.Serve(s.socket) }()
	if err := s.ready(a, f); err != nil {
		return err
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-ended:
		err = client.Problemf(client.CodeError, "socket", "the admin socket has failed: %v", err).Now("stopped").Then(asBefore)
	}
	web.Close()
	s.admin.Close()
	return cmp.Or(err, s.end(a))
}

// server is what a running node holds. Everything is released in the reverse order of its making.
type server struct {
	dir, authorizedPath string
	durability          wire.Durability
	keeper              crypto.NodeID // of the directory; zero for none, or one that is here
	unlock              func()        // gives the data directory to the journal; nil without a claim
	key                 *crypto.NodeKeypair
	name                string
	made                bool // the key is new
	known               []knownPeer
	authorized          *peer.Authorized
	socketPath          string
	socket              net.Listener
	readyTo             *os.File // of --ready-fd; nil without
	log                 zerolog.Logger
	peer                *peer.Peer
	admin               *admin.Server
	releases            []func()
}

// release undoes what was done, the last first.
func (s *server) release() {
	for len(s.releases) > 0 {
		last := len(s.releases) - 1
		s.releases[last]()
		s.releases = s.releases[:last]
	}
}

// later notes what has to be undone when the node ends.
func (s *server) later(f func()) { s.releases = append(s.releases, f) }

// What else a node is told to be started with. The whole command would be that of this node only with all that it was
// started with: another data directory is another node, with a key of its own.
const (
	asBefore      = "the same command again"
	anotherListen = "the same command with another --listen, such as 127.0.0.1:0"
)

// cannotStart tells an address that cannot be listened on from a data directory that cannot be used.
func (s *server) cannotStart(err error) error {
	if p := journalProblem(err, s.dir); p != nil {
		return p.Now("not started; nothing on the disk was changed")
	}
	p := client.Problemf(client.CodeError, "not_started", "the node cannot start: %s", client.Plain(err.Error())).Now("not started")
	boot := filepath.Join(s.dir, bootFile)
	var number *strconv.NumError
	var addr *net.AddrError
	switch {
	case errors.As(err, &addr):
		p.Code = client.CodeUsage
		return p.Then(anotherListen)
	case errors.As(err, new(*net.OpError)), errors.As(err, new(*net.DNSError)):
		return p.Then(anotherListen)
	case errors.As(err, &number):
		p.Code = client.CodeUsage
		// More than any number of starts: what counts is that the number has never been used.
		return p.Then("date +%%s > %s", client.Quote(boot))
	case strings.Contains(err.Error(), "boot counter"):
		return p.Then("ls -ld %[1]s %[2]s; df %[1]s", client.Quote(s.dir), client.Quote(boot))
	}
	return p.Then("ls -ld %[1]s; df %[1]s", client.Quote(s.dir))
}

// start brings the node up: from here on it answers other nodes.
func (s *server) start(a *app, f serveFlags) error {
	var err error
	if s.log, err = newLogger(f); err != nil {
		return err
	}
	tuned, err := journalConfig()
	if err != nil {
		return err
	}
	gate := admin.NewGate(s.authorized.Lookup, f.directory == directoryHere)
	cfg := peer.Config{
		Key: s.key, Name: s.name, Listen: f.listen, Authorize: gate.Authorize, Logger: s.log,
		DataDir: s.dir, Durability: s.durability, Journal: tuned, Fatal: a.fatal(),
	}
	if err := s.openDirectory(f, &cfg); err != nil {
		return err
	}
	s.unlock() // the journal takes the directory; whoever came in between keeps it, and this start fails
	if s.peer, err = peer.New(cfg); err != nil {
		return s.cannotStart(err)
	}
	s.later(func() { _ = s.peer.Close() }) // end has closed it before and told what came of it
	names := make(map[crypto.NodeID]string)
	for _, k := range s.known {
		s.peer.Learn(k.id, k.addr)
		names[k.id] = k.name
	}
	s.admin = admin.New(admin.Config{
		Peer: s.peer, Version: version().Version, Durability: s.durability,
		Authorized: s.authorizedPath, Peers: s.authorized, Names: names, Gate: gate,
	})
	// Now that it is known where the others are: this brings back what the journal has.
	return kinds.Register(s.peer)
}
