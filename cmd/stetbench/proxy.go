package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
)

// meter passes TCP connections on to a server and counts what travels.
type meter struct {
	url      string
	target   string
	listener net.Listener
	requests atomic.Int64
	bytes    atomic.Int64 // both ways, heads and bodies as they are on the wire
}

// meterFor starts a meter before the server at url.
func (b *bench) meterFor(url string) (*meter, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	m := &meter{url: "http://" + l.Addr().String(), target: strings.TrimPrefix(url, "http://"), listener: l}
	b.onClose(func() { _ = l.Close() })
	go m.accept()
	return m, nil
}

func (m *meter) accept() {
	for {
		client, err := m.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", m.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		go m.pass(server, client, &requestCount{m: m})
		go m.pass(client, server, nil)
	}
}

// pass copies one direction and closes both ends after it.
func (m *meter) pass(to, from net.Conn, count *requestCount) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		m.bytes.Add(int64(n))
		if count != nil {
			count.look(buf[:n])
		}
		if _, writeErr := to.Write(buf[:n]); errors.Join(err, writeErr) != nil {
			return
		}
	}
}

// requestCount counts request lines. Their end cannot occur in a JSON body, and
// in a coded one only by an unlikely chance.
type requestCount struct {
	m    *meter
	tail []byte // the end of the last piece, for a line cut in two
}

var requestEnd = []byte(" HTTP/1.1\r\n")

func (c *requestCount) look(piece []byte) {
	text := append(c.tail, piece...)
	c.m.requests.Add(int64(bytes.Count(text, requestEnd)))
	c.tail = bytes.Clone(text[max(len(text)-len(requestEnd)+1, 0):])
}

// reset starts counting anew.
func (m *meter) reset() {
	m.requests.Store(0)
	m.bytes.Store(0)
}
