package kinto

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"stet/syncengine/remote"
	"stet/syncengine/remote/link"
)

// protocolName is the protocol's name in [remote.Info].
const protocolName = "kinto"

// identity is what the server's root says.
type identity struct {
	user, bucket string
	batch        int    // requests in a batch
	print        string // tells accounts and collections apart, says nothing of them
	notice       string
	tells        bool // it is a stetd, which tells of its notes who wrote them and when
}

// Hello asks the server who it is and who it takes us for. A user's id can
// change without a word (another password, another policy of the server); so
// the account in the answer is that id, and where the notes are if that is not
// the usual place.
func (c *Client) Hello(ctx context.Context) (remote.Info, error) {
	me, err := c.ask(ctx)
	if err != nil {
		return remote.Info{}, fmt.Errorf("ask server: %w", err)
	}
	account := me.user
	if c.bucket != DefaultBucket || c.collection != DefaultCollection {
		account += " " + c.bucket + "/" + c.collection
	}
	return remote.Info{Protocol: protocolName, Account: account, Notice: me.notice}, nil
}

// introduce is ask, once in a client's life.
func (c *Client) introduce(ctx context.Context) (*identity, error) {
	if me := c.me.Load(); me != nil {
		return me, nil
	}
	return c.ask(ctx)
}

func (c *Client) ask(ctx context.Context) (*identity, error) {
	a, err := c.send(ctx, call{method: http.MethodGet, path: "/"})
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		if _, err := refusal(a); err != nil {
			return nil, err
		}
		return nil, link.NotProtocol("status %d", a.status)
	}
	if !a.json() {
		return nil, link.NotProtocol("content type is not JSON")
	}
	var root struct {
		Settings *struct {
			Batch    int  `json:"batch_max_requests"`
			ReadOnly bool `json:"readonly"`
		} `json:"settings"`
		Version string `json:"http_api_version"`
		Can     struct {
			Stet json.RawMessage `json:"stet"`
		} `json:"capabilities"`
		User *struct {
			ID     string `json:"id"`
			Bucket string `json:"bucket"`
		} `json:"user"`
	}
	if err := json.Unmarshal(a.body, &root); err != nil {
		return nil, link.NotProtocol("root: %v", err)
	}
	switch {
	case root.Settings == nil || root.Version == "":
		return nil, link.NotProtocol("it is no Kinto server")
	case !strings.HasPrefix(root.Version, "1."):
		return nil, link.NotProtocol("version %s of the protocol", cut(root.Version))
	case root.User == nil || root.User.ID == "":
		return nil, remote.ErrAuth // the root answers everybody, and names whom it knows
	}
	me := &identity{user: root.User.ID, bucket: c.bucket, batch: root.Settings.Batch, notice: alert(a.header)}
	if c.bucket == DefaultBucket && root.User.Bucket != "" {
		me.bucket = root.User.Bucket
	}
	if me.batch <= 0 {
		me.batch = 25
	}
	sum := sha256.Sum256([]byte(me.user + "\x00" + me.bucket + "\x00" + c.collection))
	me.print = base64.RawURLEncoding.EncodeToString(sum[:9])
	me.tells = root.Can.Stet != nil && c.bucket == DefaultBucket && c.collection == DefaultCollection
	c.me.Store(me)
	return me, nil
}

// known asks who we are, and refuses to go on as another one than before: what
// a cursor knows of is not there.
func (c *Client) known(ctx context.Context, k *cursor) (*identity, error) {
	me, err := c.introduce(ctx)
	if err == nil && k != nil && k.Print != me.print {
		err = stranger()
	}
	return me, err
}

// batch is how many requests, or ids in a question, the server takes at once.
func (c *Client) batch() int {
	if me := c.me.Load(); me != nil {
		return me.batch
	}
	return 25
}

func stranger() error {
	return fmt.Errorf("%w: it takes us for another user than before", remote.ErrAuth)
}

// alert is what a server that will end its service says about it.
func alert(h http.Header) string {
	v := h.Get("Alert")
	if v == "" {
		return ""
	}
	var a struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		URL     string `json:"url"`
	}
	if json.Unmarshal([]byte(v), &a) != nil || a.Code == "" {
		return ""
	}
	if a.Message == "" {
		a.Message = "the service will end"
	}
	return cut(strings.TrimSpace(a.Message + " " + a.URL))
}
