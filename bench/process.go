package main

import (
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"syscall"

	"github.com/ferrymesh/ferry/internal/proc"
)

// roleVariable makes a process of this program a child: one node, or one end of a baseline.
const roleVariable = "FERRY_BENCH_ROLE"

// profileVariable is the file for a child's CPU profile.
const profileVariable = "FERRY_BENCH_PROFILE"

// child is another process of this program, which does what it is asked over its standard input and output.
type child struct {
	role   string
	cmd    *exec.Cmd
	client *rpc.Client
}

// pipe joins the two ends of a child's standard streams.
type pipe struct {
	io.Reader
	io.WriteCloser
}

// start starts a child in a role. The name tells its profile from those of others.
func (l *lab) start(role, name string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{role: role, cmd: exec.Command(self)}
	c.cmd.Env, c.cmd.Stderr = append(os.Environ(), roleVariable+"="+role), os.Stderr
	if l.profile != "" {
		file := filepath.Join(l.profile, fmt.Sprintf("%s.%s.pprof", l.experiment, name))
		c.cmd.Env = append(c.cmd.Env, profileVariable+"="+file)
	}
	in, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	c.client = rpc.NewClient(pipe{out, in})
	return c, nil
}

// call asks the child to do something and waits for the answer.
func (c *child) call(method string, args, reply any) error {
	if err := c.client.Call("Role."+method, args, reply); err != nil {
		return fmt.Errorf("%s.%s: %w", c.role, method, err)
	}
	return nil
}

// stop ends the child, which happens when nobody can ask it any more.
func (c *child) stop() error {
	return errors.Join(c.client.Close(), c.cmd.Wait())
}

// serveRole is the main function of a child.
func serveRole(role string) error {
	var service interface{ close() error }
	switch role {
	case "node":
		service = &nodeRole{}
	case "bare":
		service = &bareRole{}
	default:
		return fmt.Errorf("unknown role %q", role)
	}
	if path := os.Getenv(profileVariable); path != "" {
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	server := rpc.NewServer()
	if err := server.RegisterName("Role", service); err != nil {
		return err
	}
	server.ServeConn(pipe{os.Stdin, os.Stdout}) // returns when the parent has closed its end, or is gone
	return service.close()
}

// Usage is what a process has used.
type Usage struct {
	CPU        float64 // seconds, user and system, since its start
	Peak       uint64  // most resident bytes, since its start or the last call of Fresh
	Heap       uint64  // live bytes after a collection
	Goroutines int
}

// None is the argument or the answer of a method that has none.
type None struct{}

// meter gives every role the methods that measure its process.
type meter struct{}

// Usage reports all but the live heap.
func (meter) Usage(_ None, u *Usage) error {
	u.CPU = processorTime()
	peak, err := proc.PeakMemory(os.Getpid())
	u.Peak, u.Goroutines = peak, runtime.NumGoroutine()
	return err
}

// Heap is Usage with the live heap, for which it collects garbage.
func (m meter) Heap(n None, u *Usage) error {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	u.Heap = s.HeapAlloc + s.StackInuse
	heap := u.Heap
	err := m.Usage(n, u)
	u.Heap = heap
	return err
}

// Fresh gives unused memory back and begins a new peak.
func (meter) Fresh(_ None, _ *None) error {
	debug.FreeOSMemory()
	return os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
}

// processorTime is the user and system time of this process in seconds.
func processorTime() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic("bench: getrusage: " + err.Error()) // it has no way to fail
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(u.Utime) + seconds(u.Stime)
}

// usage asks a child what it has used.
func (c *child) usage() (u Usage, err error) {
	return u, c.call("Usage", None{}, &u)
}

// cpu adds up the processor time of children.
func cpu(children ...*child) (sum float64, err error) {
	for _, c := range children {
		u, err := c.usage()
		if err != nil {
			return 0, err
		}
		sum += u.CPU
	}
	return sum, nil
}
