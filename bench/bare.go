package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"

	"github.com/quic-go/quic-go"
)

// bareRole is a process with one end of a quic-go connection and nothing of ferry. Methods are called by the
// parent. The end that listens serves streams by their first byte.
type bareRole struct {
	meter
	listener *quic.Listener
	conn     *quic.Conn
	giver    *giver
	durable  bool
}

// bareConfig has the windows that ferry's transport sets. The rest is quic-go's default in both.
func bareConfig() *quic.Config {
	return &quic.Config{
		InitialStreamReceiveWindow: 64 << 10, MaxStreamReceiveWindow: 4 << 20,
		InitialConnectionReceiveWindow: 4 << 20, MaxConnectionReceiveWindow: 8 << 20,
		MaxIdleTimeout: 60 * time.Second, KeepAlivePeriod: 5 * time.Second, MaxIncomingStreams: 1 << 14,
	}
}

// bareProtocol is the ALPN name of the baselines.
const bareProtocol = "bare"

// bareTLS makes a certificate and a configuration for both ends.
func bareTLS() (*tls.Config, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}, NextProtos: []string{bareProtocol},
		InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, // the peer is a process of the same parent
	}, nil
}

// ListenArgs say whether the taking side of exchanges syncs to disk.
type ListenArgs struct{ Durable bool }

// Listen starts to serve and returns the address.
func (r *bareRole) Listen(a ListenArgs, addr *string) error {
	conf, err := bareTLS()
	if err != nil {
		return err
	}
	if r.listener, err = quic.ListenAddr("127.0.0.1:0", conf, bareConfig()); err != nil {
		return err
	}
	r.durable = a.Durable
	*addr = r.listener.Addr().String()
	go r.accept()
	return nil
}

// DialArgs name the other end, and say whether the giving side of exchanges syncs to disk.
type DialArgs struct {
	Addr    string
	Durable bool
}

// Dial connects.
func (r *bareRole) Dial(a DialArgs, _ *None) error {
	conf, err := bareTLS()
	if err != nil {
		return err
	}
	r.durable = a.Durable
	r.conn, err = quic.DialAddr(context.Background(), a.Addr, conf, bareConfig())
	return err
}

// close ends the process's end of the connection.
func (r *bareRole) close() error {
	var errs []error
	if r.giver != nil {
		errs = append(errs, r.giver.disk.close())
	}
	if r.conn != nil {
		errs = append(errs, r.conn.CloseWithError(0, ""))
	}
	if r.listener != nil {
		errs = append(errs, r.listener.Close())
	}
	return errors.Join(errs...)
}

// accept serves connections until the listener closes.
func (r *bareRole) accept() {
	for {
		conn, err := r.listener.Accept(context.Background())
		if err != nil {
			return
		}
		go func() {
			for {
				stream, err := conn.AcceptStream(context.Background())
				if err != nil {
					return
				}
				go r.serve(stream)
			}
		}()
	}
}

// The first byte of a stream.
const (
	askBulk     = 'b'
	askEcho     = 'e'
	askExchange = 'x'
)

// serve serves one stream. An error ends the stream, which the other end notices.
func (r *bareRole) serve(stream *quic.Stream) {
	var first [1]byte
	_, err := io.ReadFull(stream, first[:])
	if err == nil {
		switch first[0] {
		case askBulk:
			err = swallow(stream)
		case askEcho:
			err = acknowledge(stream)
		case askExchange:
			err = takeAll(stream, r.durable)
		}
	}
	if err != nil {
		stream.CancelRead(1)
		stream.CancelWrite(1)
	}
}

// swallow reads to the end and answers with one byte.
func swallow(stream *quic.Stream) error {
	buf := make([]byte, 64<<10)
	for {
		if _, err := stream.Read(buf); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
	}
	if _, err := stream.Write([]byte{1}); err != nil {
		return err
	}
	return stream.Close()
}

// BulkArgs ask for bytes, in so many equal parts with a stream each, so many at a time.
type BulkArgs struct {
	Bytes    uint64
	Parts    int
	Parallel int
}

// Bulk sends bytes to the other end and returns how long it took until that had read them all.
func (r *bareRole) Bulk(a BulkArgs, took *time.Duration) error {
	begun := time.Now()
	parts, results := make(chan uint64, a.Parts), make(chan error, a.Parallel)
	for range a.Parts {
		parts <- a.Bytes / uint64(a.Parts)
	}
	close(parts)
	for range a.Parallel {
		go func() {
			var err error
			for n := range parts {
				if err == nil {
					err = r.send(n)
				}
			}
			results <- err
		}()
	}
	var err error
	for range a.Parallel {
		err = errors.Join(err, <-results)
	}
	*took = time.Since(begun)
	return err
}

// send sends n bytes over a stream of their own.
func (r *bareRole) send(n uint64) error {
	stream, err := r.conn.OpenStreamSync(context.Background())
	if err != nil {
		return err
	}
	data := make([]byte, min(n, 64<<10)) // the writes of ferry's transport are half of that
	if _, err := stream.Write([]byte{askBulk}); err != nil {
		return err
	}
	for n > 0 {
		piece := data[:min(n, uint64(len(data)))]
		if _, err := stream.Write(piece); err != nil {
			return err
		}
		n -= uint64(len(piece))
	}
	if err := stream.Close(); err != nil {
		return err
	}
	answer, err := io.ReadAll(stream)
	if err == nil && !bytes.Equal(answer, []byte{1}) {
		err = fmt.Errorf("the other end answered %x", answer)
	}
	return err
}
