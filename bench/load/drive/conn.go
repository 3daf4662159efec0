package drive

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http/httputil"
	"strconv"
	"time"
)

// patience is how long one request may take.
const patience = time.Minute

// conn is one connection that is kept alive. It is written by hand, since net/http's client
// would cost more than what is measured.
type conn struct {
	addr string
	c    net.Conn
	br   *bufio.Reader
}

// response is the head of an answer, and its body to be read.
type response struct {
	status  int
	stream  bool // its type is text/event-stream
	body    io.Reader
	chunked bool
	close   bool
}

func (c *conn) drop() {
	if c.c != nil {
		c.c.Close()
		c.c = nil
	}
}

// send writes a request and reads the answer's head. A kept connection that the server has
// closed before it answered is replaced, once.
func (c *conn) send(req []byte) (*response, error) {
	for {
		fresh := c.c == nil
		if fresh {
			if err := c.dial(); err != nil {
				return nil, err
			}
		}
		err := c.c.SetDeadline(time.Now().Add(patience))
		if err == nil {
			_, err = c.c.Write(req)
		}
		if err == nil {
			_, err = c.br.Peek(1)
		}
		if err == nil {
			return c.head()
		}
		c.drop()
		if fresh || isTimeout(err) {
			return nil, err
		}
	}
}

func (c *conn) dial() error {
	made, err := net.DialTimeout("tcp", c.addr, patience)
	if err != nil {
		return err
	}
	c.c = made
	if c.br == nil {
		c.br = bufio.NewReaderSize(made, 16<<10)
	} else {
		c.br.Reset(made)
	}
	return nil
}

var errStatusLine = errors.New("the status line is too short")

func (c *conn) head() (*response, error) {
	r := &response{}
	line, err := c.line()
	if err != nil {
		return nil, err
	}
	if len(line) < 12 {
		return nil, errStatusLine
	}
	if r.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return nil, err
	}
	length := -1
	for {
		if line, err = c.line(); err != nil {
			return nil, err
		}
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return nil, err
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			r.chunked = bytes.EqualFold(value, []byte("chunked"))
		case bytes.EqualFold(name, []byte("Connection")):
			r.close = bytes.EqualFold(value, []byte("close"))
		case bytes.EqualFold(name, []byte("Content-Type")):
			r.stream = bytes.HasPrefix(value, []byte("text/event-stream"))
		}
	}
	switch {
	case r.chunked:
		r.body = httputil.NewChunkedReader(c.br)
	case length >= 0:
		r.body = &exactly{c.br, length}
	default:
		r.body, r.close = c.br, true
	}
	return r, nil
}

func (c *conn) line() ([]byte, error) {
	line, err := c.br.ReadSlice('\n')
	return bytes.TrimRight(line, "\r\n"), err
}

var errBehind = errors.New("there are bytes behind the end of the body")

// finish reads what follows the last byte of the body and makes the connection ready for the
// next request.
func (c *conn) finish(r *response) error {
	for r.chunked {
		line, err := c.line()
		if err != nil {
			return err
		}
		if len(line) == 0 {
			break
		}
	}
	if r.close {
		c.drop()
		return nil
	}
	if c.br.Buffered() > 0 {
		return errBehind
	}
	return nil
}

// exactly reads n bytes, and calls an earlier end an error.
type exactly struct {
	r io.Reader
	n int
}

// Read implements io.Reader.
func (e *exactly) Read(p []byte) (int, error) {
	if e.n == 0 {
		return 0, io.EOF
	}
	n, err := e.r.Read(p[:min(len(p), e.n)])
	e.n -= n
	if errors.Is(err, io.EOF) && e.n > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
