package sim

// Fault is what a request meets.
type Fault string

// The kinds of faults of the network and of what stands between.
const (
	DropRequest   Fault = "request lost"
	DropAnswer    Fault = "answer lost"
	LateRequest   Fault = "request comes late" // the client gave up, the server gets it some steps later
	Doubled       Fault = "delivered twice"
	DoubledLate   Fault = "delivered again later"
	Truncated     Fault = "answer cut"
	Error500      Fault = "500 before"
	Error500After Fault = "500 after"
	Gateway502    Fault = "502 page"
	Busy503       Fault = "503 Retry-After"
	TooMany429    Fault = "429 Retry-After"
	InFlight409   Fault = "409 in flight"
	Unauthorized  Fault = "401"
	Forbidden     Fault = "403"
	Portal        Fault = "captive portal"
	PortalAfter   Fault = "captive portal for the answer"
	Redirect      Fault = "redirect elsewhere"
	EmptyAnswer   Fault = "empty 200"
	WrongType     Fault = "wrong content type"
	WrongSchema   Fault = "JSON of another schema"
	NewMembers    Fault = "unknown members"
	Refused422    Fault = "422"
)

// faults are the kinds with the most that a seed may draw as the chance of
// each for one request.
var faults = []chanceOf{
	{DropRequest, 0.20}, {DropAnswer, 0.25}, {LateRequest, 0.10}, {Doubled, 0.20}, {DoubledLate, 0.15}, {Truncated, 0.06},
	{Error500, 0.06}, {Error500After, 0.06}, {Gateway502, 0.04}, {Busy503, 0.05}, {TooMany429, 0.06}, {InFlight409, 0.05},
	{Unauthorized, 0.04}, {Forbidden, 0.02}, {Portal, 0.04}, {PortalAfter, 0.04}, {Redirect, 0.02}, {EmptyAnswer, 0.03},
	{WrongType, 0.03}, {WrongSchema, 0.03}, {NewMembers, 0.20}, {Refused422, 0.03},
}
