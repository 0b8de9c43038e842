package sqlite

import (
	"encoding/json"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"stet/model"
)

// A snapshot is one byte that tells the form, then the fields as JSON.
const (
	plain  = 0
	zipped = 1
)

// worthZipping is the size in bytes from which compression pays.
const worthZipping = 256

// codec turns fields into snapshots and back. Safe for concurrent use.
type codec struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

func newCodec() (*codec, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("make compressor: %w", err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(4), zstd.WithDecoderMaxMemory(256<<20))
	if err != nil {
		return nil, fmt.Errorf("make decompressor: %w", err)
	}
	return &codec{enc, dec}, nil
}

func (c *codec) pack(f model.Fields) ([]byte, error) {
	text, err := f.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("write snapshot: %w", err)
	}
	return c.packText(text), nil
}

func (c *codec) packText(text []byte) []byte {
	if len(text) < worthZipping {
		return append([]byte{plain}, text...)
	}
	return c.enc.EncodeAll(text, append(make([]byte, 0, len(text)/2+64), zipped))
}

func (c *codec) unpack(snapshot []byte) (f model.Fields, err error) {
	text, err := c.text(snapshot)
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return f, fmt.Errorf("read snapshot: %w: %w", model.ErrCorrupt, err)
	}
	return f, nil
}

// text returns the JSON of a snapshot.
func (c *codec) text(snapshot []byte) ([]byte, error) {
	if len(snapshot) == 0 {
		return nil, fmt.Errorf("read snapshot: %w", model.ErrCorrupt)
	}
	if snapshot[0] != zipped {
		return snapshot[1:], nil
	}
	text, err := c.dec.DecodeAll(snapshot[1:], nil)
	if err != nil {
		return nil, fmt.Errorf("read snapshot: %w: %w", model.ErrCorrupt, err)
	}
	return text, nil
}
