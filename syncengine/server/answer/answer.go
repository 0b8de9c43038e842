// Package answer reads the bodies of requests and writes the bodies of answers
// for every dialect of the server: JSON, coded as the client likes it, and
// problems.
//
// Rules of the room: it knows HTTP and wire, no store and no path. A body is
// bounded before and after it is decoded. Nothing a client sent is echoed.
package answer

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"

	"stet/syncengine/wire"
)

// worthCoding is the size in bytes from which an answer is compressed.
const worthCoding = 1024

// JSON writes v with status, compressed if it is long and the client takes it.
func JSON(w http.ResponseWriter, r *http.Request, status int, v any) error {
	body, err := wire.Marshal(v)
	if err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	body = append(body, '\n')
	w.Header().Set("Content-Type", wire.TypeJSON)
	send(w, r, status, body)
	return nil
}

// Bytes writes a body that is ready, as JSON does.
func Bytes(w http.ResponseWriter, r *http.Request, status int, media string, body []byte) {
	w.Header().Set("Content-Type", media)
	send(w, r, status, body)
}

// Problem writes p as problem+json.
func Problem(w http.ResponseWriter, r *http.Request, p *wire.Problem) {
	body, err := wire.Marshal(p)
	if err != nil {
		body = []byte(`{"title":"Internal Server Error","status":500,"code":"internal"}`)
	}
	h := w.Header()
	h.Set("Content-Type", wire.TypeProblem)
	h.Set("Cache-Control", "no-store")
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	if p.RequestID != "" {
		h.Set(wire.HeaderRequestID, p.RequestID)
	}
	send(w, r, p.Status, append(body, '\n'))
}

// encoders are reused: a fresh one costs more than a page.
var encoders = sync.Pool{New: func() any {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(1<<20))
	if err != nil {
		panic(err) // the options are constant
	}
	return enc
}}

// zippers are reused: a new one costs more than what it packs.
var zippers = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	return z
}}

func send(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	if len(body) > worthCoding {
		h.Add("Vary", "Accept-Encoding")
		switch coding := accepted(r.Header.Values("Accept-Encoding")); coding {
		case "zstd":
			enc := encoders.Get().(*zstd.Encoder)
			body = enc.EncodeAll(body, make([]byte, 0, len(body)/2))
			encoders.Put(enc)
			h.Set("Content-Encoding", coding)
		case "gzip":
			var buf bytes.Buffer
			z := zippers.Get().(*gzip.Writer)
			z.Reset(&buf)
			_, _ = z.Write(body)
			_ = z.Close()
			zippers.Put(z)
			body = buf.Bytes()
			h.Set("Content-Encoding", coding)
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// accepted returns the best coding the client takes: zstd, gzip or "".
func accepted(headers []string) string {
	var takes []string
	for part := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		name, params, _ := strings.Cut(part, ";")
		q := strings.ReplaceAll(strings.TrimSpace(params), " ", "")
		if zero := strings.TrimRight(q, "0"); zero == "q=" || zero == "q=0." {
			continue
		}
		takes = append(takes, strings.ToLower(strings.TrimSpace(name)))
	}
	for _, coding := range []string{"zstd", "gzip"} {
		if slices.Contains(takes, coding) {
			return coding
		}
	}
	return ""
}

// Body reads a request's body, at most limit bytes as sent and as decoded. The
// content type must be one of types or absent. Errors are [*wire.Problem].
func Body(w http.ResponseWriter, r *http.Request, limit int, types ...string) ([]byte, error) {
	if ct := r.Header.Get("Content-Type"); ct != "" {
		media, params, err := mime.ParseMediaType(ct)
		charset := strings.ToLower(params["charset"])
		if err != nil || !slices.Contains(types, media) || charset != "" && charset != "utf-8" {
			return nil, wire.NewProblem(http.StatusUnsupportedMediaType, wire.CodeMediaType, "want "+types[0])
		}
	}
	body := io.Reader(http.MaxBytesReader(w, r.Body, int64(limit)))
	if r.ContentLength > int64(limit) {
		return nil, tooLarge(limit)
	}
	body, err := decoded(body, r.Header.Get("Content-Encoding"), limit)
	if err != nil {
		return nil, err
	}
	buf := bytes.NewBuffer(make([]byte, 0, min(max(int(r.ContentLength), 512)+512, 1<<20)))
	_, err = buf.ReadFrom(io.LimitReader(body, int64(limit)+1))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over), buf.Len() > limit:
		return nil, tooLarge(limit)
	case err != nil:
		return nil, wire.Malformed("the body cannot be read to its end")
	}
	return buf.Bytes(), nil
}

func decoded(body io.Reader, coding string, limit int) (io.Reader, error) {
	switch strings.ToLower(coding) {
	case "", "identity":
		return body, nil
	case "gzip":
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, wire.Malformed("the body is not gzip")
		}
		return z, nil
	case "zstd":
		z, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(limit)+1<<20),
			zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			return nil, wire.Malformed("the body is not zstd")
		}
		return z.IOReadCloser(), nil
	}
	return nil, wire.NewProblem(http.StatusUnsupportedMediaType, wire.CodeMediaType, "want Content-Encoding zstd or gzip")
}

func tooLarge(limit int) *wire.Problem {
	return wire.NewProblem(http.StatusRequestEntityTooLarge, wire.CodeTooLarge, fmt.Sprintf("more than %d bytes", limit))
}
