package sim

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"

	"stet/syncengine/remote"
	"stet/syncengine/remote/kinto"
	"stet/syncengine/remote/mutations"
	"stet/syncengine/remote/native"
)

// Dialect is the protocol that a device speaks with its server.
type Dialect string

// The dialects of a server.
const (
	Stet      Dialect = "stet"
	Kinto     Dialect = "kinto"
	Mutations Dialect = "mutations"
)

// Where a server has its dialects.
const (
	siteURL       = "http://sim.example:8420"
	kintoPath     = "/kinto/v1"
	mutationsPath = "/mutations"
)

// drawDialects gives each device a protocol: in two of three schedules all speak
// their own, in the others some or all of the three.
func drawDialects(r *rand.Rand, devices int) (out []Dialect) {
	if r.IntN(3) != 0 {
		return nil
	}
	known := [][]Dialect{{Stet, Kinto}, {Kinto}, {Stet, Mutations}, {Mutations}, {Stet, Kinto, Mutations}}
	of := known[r.IntN(len(known))]
	for range devices {
		out = append(out, of[r.IntN(len(of))])
	}
	return out
}

func (c Config) dialect(device int) Dialect {
	if len(c.Dialects) == 0 {
		return Stet
	}
	return c.Dialects[device%len(c.Dialects)]
}

// driver is a new driver of the device's protocol.
func (d *device) driver() (remote.Remote, error) {
	account := accounts[d.account]
	token := tokenOf(account)
	switch d.dialect {
	case Kinto:
		opts := []kinto.Option{kinto.WithTransport(line{d})}
		if d.w.script.Seed%4 == 0 {
			opts = append(opts, kinto.WithNewestFirst())
		}
		return kinto.New(siteURL+kintoPath, kinto.Credentials{User: account, Password: token}, opts...)
	case Mutations:
		return mutations.New(siteURL+mutationsPath, token, d.label, mutations.WithTransport(line{d}))
	}
	return native.New(siteURL, token, native.WithTransport(line{d}))
}

// dialectOf tells a request's dialect by its path.
func dialectOf(r *http.Request) Dialect {
	switch {
	case strings.HasPrefix(r.URL.Path, kintoPath):
		return Kinto
	case strings.HasPrefix(r.URL.Path, mutationsPath):
		return Mutations
	}
	return Stet
}

// busy is an answer that asks to send the same again, as each dialect has it.
func (w *world) busy(r *http.Request) *http.Response {
	switch dialectOf(r) {
	case Kinto:
		res := page(r, 409, "application/json", `{"code":409,"errno":122,"error":"Conflict","message":"Integrity constraint violated, please retry"}`)
		res.Header.Set("Retry-After", "3")
		return res
	case Mutations:
		const flat = `{"success":false,"error":{"code":"OutOfSyncError","message":"Invalid lastMutationAt, please re-sync your data and try again."}}`
		if w.rng.IntN(2) == 0 {
			return page(r, 409, "application/json", flat)
		}
		return page(r, 409, "application/json", `{"message":"Conflict","type":"Conflict","success":false,"details":`+flat+`}`)
	}
	return problem(r, 409, "in-flight")
}

// invalid refuses what a request says; the log names which of it.
func (w *world) invalid(r *http.Request, body []byte) *http.Response {
	switch dialectOf(r) {
	case Kinto:
		return page(r, 400, "application/json", `{"code":400,"errno":107,"error":"Invalid parameters","message":"title in body: bad","details":[]}`)
	case Mutations:
		which := w.rng.IntN(max(1, bytes.Count(body, []byte(`"resourceId":`))))
		return page(r, 422, "application/json", fmt.Sprintf(`{"success":false,"error":{"code":"ValidationError","message":"Missing data at mutation[%d]"}}`, which))
	}
	return problem(r, 422, "invalid")
}
