package local

import (
	"fmt"

	"github.com/klauspost/compress/zstd"

	"stet/model"
)

// How a version's body is kept. A keyframe stands alone; the versions after it
// are coded with the keyframe's body as dictionary, so that a long note edited
// all day costs its changes and not its length. No version depends on more
// than one other.
const (
	codecPlain = iota
	codecKeyframe
	codecDelta
)

const (
	plainBelow = 4 << 10 // bodies shorter than this are not worth a coder
	deltaShare = 16      // a delta larger than 1/16 of its body asks for a new keyframe
	deltasPer  = 128     // and so does this many deltas
	window     = 8 << 20 // the longest body and its dictionary
)

type packedBody struct {
	codec int
	base  int64
	data  []byte
}

func (t *tx) pack(v model.Version) (packedBody, error) {
	body := blob(v.Fields.Body)
	if len(body) < plainBelow {
		return packedBody{data: body}, nil
	}
	key, base, deltas, err := t.keyframe(v.NoteID)
	if err != nil {
		return packedBody{}, err
	}
	if key != nil && deltas < deltasPer {
		data, err := encode(body, zstd.WithEncoderDictRaw(1, key))
		if err != nil {
			return packedBody{}, err
		}
		if len(data) <= len(body)/deltaShare {
			return packedBody{codecDelta, base, data}, nil
		}
	}
	data, err := encode(body)
	return packedBody{codecKeyframe, 0, data}, err
}

// keyframe returns the note's newest keyframe, its number, and how many
// versions are coded against it.
func (t *tx) keyframe(note string) (body []byte, version int64, deltas int, err error) {
	found, err := t.one(`SELECT version, body, (SELECT count(*) FROM versions d WHERE d.note = k.note AND d.base = k.version)
		FROM versions k WHERE note = ? AND codec = 1 ORDER BY version DESC LIMIT 1`, []any{note}, []any{&version, &body, &deltas})
	if err != nil || !found {
		return nil, 0, 0, err
	}
	body, err = decode(body)
	return body, version, deltas, err
}

// encode makes a coder for one body: coders hold megabytes, and a store that
// never meets a long note should not.
func encode(body []byte, more ...zstd.EOption) ([]byte, error) {
	z, err := zstd.NewWriter(nil, append([]zstd.EOption{zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(window)}, more...)...)
	if err != nil {
		return nil, fmt.Errorf("pack version: %w", err)
	}
	out := z.EncodeAll(body, nil)
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("pack version: %w", err)
	}
	return out, nil
}

func decode(data []byte, more ...zstd.DOption) ([]byte, error) {
	z, err := zstd.NewReader(nil, append([]zstd.DOption{zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1 << 30)}, more...)...)
	if err != nil {
		return nil, fmt.Errorf("unpack version: %w", err)
	}
	defer z.Close()
	out, err := z.DecodeAll(data, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: unpack version: %w", model.ErrCorrupt, err)
	}
	return out, nil
}

// unpacker unpacks versions of one note; it keeps the coder of the last
// keyframe, which neighbouring versions share.
type unpacker struct {
	r    *reader
	note string
	base int64
	z    *zstd.Decoder
}

func (u *unpacker) unpack(row versionRow) (body []byte, err error) {
	switch row.codec {
	case codecPlain:
		body = row.body
	case codecKeyframe:
		body, err = decode(row.body)
	default:
		body, err = u.delta(row)
	}
	if err == nil && len(body) != row.size {
		err = fmt.Errorf("%w: version %d of %s has %d bytes of %d", model.ErrCorrupt, row.v.Version, u.note, len(body), row.size)
	}
	return body, err
}

func (u *unpacker) delta(row versionRow) ([]byte, error) {
	if u.z == nil || u.base != row.base {
		u.close()
		var packed []byte
		found, err := u.r.one("SELECT body FROM versions WHERE note = ? AND version = ? AND codec = 1", []any{u.note, row.base}, []any{&packed})
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, fmt.Errorf("%w: version %d of %s has lost its base", model.ErrCorrupt, row.v.Version, u.note)
		}
		key, err := decode(packed)
		if err != nil {
			return nil, err
		}
		if u.z, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderDictRaw(1, key)); err != nil {
			return nil, fmt.Errorf("unpack version: %w", err)
		}
		u.base = row.base
	}
	body, err := u.z.DecodeAll(row.body, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: unpack version: %w", model.ErrCorrupt, err)
	}
	return body, nil
}

func (u *unpacker) close() {
	if u.z != nil {
		u.z.Close()
		u.z = nil
	}
}
