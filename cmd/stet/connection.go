package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"stet/syncengine/remote"
	"stet/syncengine/remote/discover"
	"stet/syncengine/store"
)

// connection is what is kept about the server, all of it in the store's meta
// but for the token.
type connection struct {
	URL        string
	Protocol   string // stet, kinto or mutations
	Account    string
	User       string // what the user calls himself there: kinto's user, the mutations log's client id; may be ""
	Collection string // of kinto; "" is what the address names, or notes
	Strategy   string // what becomes of conflicts; "" is merge
	Bodies     string // how the mutations log has notes: wholeBodies, which "" is too, or plainBodies
	Ranges     string // of the mutations log: what every note names there, separated by commas
	TokenIn    string // tokenInFile or tokenInKeyring
}

// Meta keys of the connection.
const (
	metaURL        = "server_url"
	metaProtocol   = "server_protocol"
	metaAccount    = "server_account"
	metaUser       = "server_user"
	metaCollection = "server_collection"
	metaStrategy   = "sync_strategy"
	metaBodies     = "server_bodies"
	metaRanges     = "server_ranges"
	metaTokenIn    = "server_token_in"
)

// How a mutations log has notes: with all that they hold, or as bodies alone.
const (
	wholeBodies = "whole"
	plainBodies = "plain"
)

const (
	protocolAuto      = "auto"
	protocolStet      = "stet"
	protocolKinto     = "kinto"
	protocolMutations = "mutations"
)

// key names the account whose shadows the store keeps: another token of the
// same account finds them again.
func (c connection) key() string {
	if c.URL == "" {
		return ""
	}
	key := c.Protocol + " " + c.URL
	for _, part := range []string{cmp.Or(c.Account, c.User), c.Collection} {
		if part != "" {
			key += " " + part
		}
	}
	return key
}

// errNotConnected asks for a server.
var errNotConnected = usage("first: stet connect URL --token-file FILE", "this device is not connected to a server")

// connection reads what the store knows of the server; ok is false if there is
// none.
func (d *device) connection(ctx context.Context) (c connection, ok bool, err error) {
	for key, dst := range map[string]*string{metaURL: &c.URL, metaProtocol: &c.Protocol, metaAccount: &c.Account,
		metaUser: &c.User, metaCollection: &c.Collection, metaStrategy: &c.Strategy,
		metaBodies: &c.Bodies, metaRanges: &c.Ranges, metaTokenIn: &c.TokenIn} {
		if *dst, err = d.store.Meta(ctx, key); err != nil {
			return c, false, fmt.Errorf("read connection: %w", err)
		}
	}
	return c, c.URL != "", nil
}

// saveConnection writes the connection; the zero one means none. An empty
// label leaves this device's name as it is.
func (d *device) saveConnection(ctx context.Context, c connection, epoch, label string) error {
	marks := [][2]string{{metaURL, c.URL}, {metaProtocol, c.Protocol}, {metaAccount, c.Account}, {metaUser, c.User},
		{metaCollection, c.Collection}, {metaStrategy, c.Strategy}, {metaBodies, c.Bodies}, {metaRanges, c.Ranges}, {metaTokenIn, c.TokenIn},
		{store.MetaPaused, ""}, {store.MetaRetryAfter, ""}}
	if label != "" {
		marks = append(marks, [2]string{store.MetaDevice, label})
	}
	err := d.store.Write(ctx, func(tx store.Tx) error {
		for _, m := range marks {
			if err := tx.SetMeta(m[0], m[1]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("save connection: %w", err)
	}
	return nil
}

// token returns the credential of a connection.
func (d *device) token(c connection) (string, error) {
	token, err := d.home.readToken(c.TokenIn, c.key())
	if errors.Is(err, errNoToken) {
		return "", fail(exitAuth, "connect again: stet connect "+c.URL+" --token-file FILE", "no token is kept for %s", c.URL)
	}
	return token, err
}

// parseServer reads a server's URL and tells its protocol.
func parseServer(text, protocol string) (connection, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return connection{}, usage("write it like https://notes.example.org", "%q is no server address", text)
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return connection{}, usage("a port is a number from 1 to 65535", "%q is no server address", text)
		}
	}
	if u.User != nil {
		return connection{}, usage("give the token with --token-file", "an address with a name or password in it is not taken")
	}
	u.Host, u.RawQuery, u.Fragment = strings.ToLower(u.Host), "", ""
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	switch protocol {
	case protocolAuto, protocolStet, protocolKinto, protocolMutations:
		return connection{URL: u.String(), Protocol: protocol}, nil
	}
	return connection{}, usage("it is one of auto, stet, kinto, mutations", "there is no protocol %q", protocol)
}

// kintoPlace is what follows the base in an address that names a bucket.
const kintoPlace = "/v1/buckets/"

// find asks the server which protocol it speaks, unless the user named one.
func (c *connection) find(ctx context.Context) error {
	if c.Protocol != protocolAuto {
		return nil
	}
	base, place, named := strings.Cut(c.URL, kintoPlace)
	if named {
		base += strings.TrimSuffix(kintoPlace, "/buckets/")
	}
	found, err := discover.Find(ctx, http.DefaultTransport, base)
	switch {
	case errors.Is(err, discover.ErrNone):
		return fail(exitOffline, "look at the address, or name the protocol with --protocol",
			"what answers at %s speaks none of stet's sync protocols", c.URL)
	case err != nil:
		return fmt.Errorf("ask the server: %w: %w", remote.ErrOffline, err)
	}
	c.Protocol, c.URL = string(found.Protocol), found.URL
	if named {
		c.URL += "/buckets/" + place
	}
	return nil
}
