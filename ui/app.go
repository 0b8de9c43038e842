package ui

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"stet/model"
	"stet/ui/screen"
)

// App is the program: the stack of screens, the header and footer around them,
// and what lies over them.
type App struct {
	cfg  Config
	deps *screen.Deps
	// wanted are the screens asked for by the Update that runs.
	wanted []screen.Target
	theme  screen.Theme

	stack   []screen.Screen
	overlay overlay
	toast   toast
	recent  []string // names of actions run from the palette, latest first

	width, height int
	head          facts
	ring          screen.Ring
	account       model.Account

	leaving bool // Leaving commands run
	left    bool // they ended; the program may quit
	frame   frame
}

// New returns the app. It reads nothing before Init.
func New(cfg Config) *App {
	if cfg.Tick == nil {
		cfg.Tick = tea.Tick
	}
	a := &App{cfg: cfg}
	a.theme.Fill(true)
	a.deps = &screen.Deps{Notes: cfg.Notes, Sync: cfg.Sync, Theme: &a.theme, Now: cfg.Now, EditExternally: a.editExternally, Tick: cfg.Tick,
		Go: func(t screen.Target) { a.wanted = append(a.wanted, t) }}
	first := cfg.First
	if first.Name == "" {
		first.Name = screen.Browse
	}
	a.stack = []screen.Screen{makeScreen(a.deps, first)}
	return a
}

// Init draws the first screen before anything is counted.
func (a *App) Init() tea.Cmd {
	return tea.Batch(
		tea.RequestBackgroundColor,
		tea.Sequence(a.top().Init(), a.askFacts(), a.rescue()),
		a.listen(),
		a.everyMinute(),
	)
}

// Update handles a message in the order that the package's comment gives.
func (a *App) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	a.frame.stale = true
	cmd := a.handle(msg)
	if len(a.wanted) > 0 {
		cmd = tea.Batch(cmd, a.opened())
	}
	return a, cmd
}

func (a *App) handle(msg tea.Msg) tea.Cmd {
	if cmd, ok := a.fact(msg); ok {
		return cmd
	}
	if cmd, ok := a.request(msg); ok {
		return cmd
	}
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		return a.press(msg)
	case tea.PasteMsg:
		return a.paste(msg)
	case tea.KeyReleaseMsg, tea.MouseMsg, tea.PasteStartMsg, tea.PasteEndMsg:
		a.frame.stale = false
		return nil
	}
	return a.tellAll(msg)
}

// fact handles what concerns the whole app.
func (a *App) fact(msg tea.Msg) (tea.Cmd, bool) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		a.width, a.height = msg.Width, msg.Height
		return a.tellAll(msg), true
	case tea.FocusMsg:
		return a.syncNow(), true
	case tea.BlurMsg:
		return nil, true
	case tea.BackgroundColorMsg:
		if dark := msg.IsDark(); dark != a.theme.Dark {
			a.theme.Fill(dark)
			return a.tellAll(screen.ThemeChanged{}), true
		}
		return nil, true
	case Rang:
		return a.rang(screen.Ring(msg)), true
	case listenAgain:
		return a.listen(), true
	case factsLoaded:
		return a.factsLoaded(msg), true
	case toastOver:
		a.toastOver(msg)
		return nil, true
	case minutePassed:
		return tea.Batch(a.everyMinute(), a.rescue()), true
	case rescued:
		return a.rescued(msg), true
	case allLeft:
		a.left = true
		return tea.Quit, true
	}
	return nil, false
}

// request handles what a screen asked of the app.
func (a *App) request(msg tea.Msg) (tea.Cmd, bool) {
	switch msg := msg.(type) {
	case screen.Open:
		return a.open(msg.Screen), true
	case screen.Back:
		return a.back(), true
	case screen.Toast:
		return tea.Batch(a.show(msg), a.askFacts()), true // it tells of a change
	case screen.Confirm:
		a.overlay = &question{msg, &a.theme}
		return nil, true
	case screen.Quit:
		return a.quit(), true
	case screen.OpenPalette:
		a.openPalette()
		return nil, true
	case screen.OpenHelp:
		a.openHelp()
		return nil, true
	}
	return nil, false
}

// press gives a key to the overlay, the app or the active screen.
func (a *App) press(msg tea.KeyPressMsg) tea.Cmd {
	if msg.String() == "ctrl+c" {
		return a.quit()
	}
	if a.overlay != nil {
		return a.overlayKey(msg)
	}
	top := a.top()
	if !top.Typing() && !screen.Takes(top.Keys(), msg.String()) {
		if cmd, ok := a.globalKey(msg.String()); ok {
			return cmd
		}
	}
	return top.Update(msg)
}

// opened makes and returns the start of the screens that an Update asked for.
func (a *App) opened() tea.Cmd {
	var cmds []tea.Cmd
	for len(a.wanted) > 0 {
		t := a.wanted[0]
		a.wanted = a.wanted[1:]
		cmds = append(cmds, a.open(t))
	}
	return tea.Batch(cmds...)
}

// paste never presses keys: it goes to whoever takes text, or nowhere.
func (a *App) paste(msg tea.PasteMsg) tea.Cmd {
	switch {
	case a.overlay != nil:
		return a.overlayKey(msg)
	case a.top().Typing():
		return a.top().Update(msg)
	}
	return nil
}

// tellAll gives a message to every screen, the active one first.
func (a *App) tellAll(msg tea.Msg) tea.Cmd {
	cmds := make([]tea.Cmd, 0, len(a.stack))
	for i := len(a.stack) - 1; i >= 0; i-- {
		cmds = append(cmds, a.stack[i].Update(msg))
	}
	return tea.Batch(cmds...)
}

// minutePassed lets ages be drawn anew.
type minutePassed struct{}

func (a *App) everyMinute() tea.Cmd {
	return a.cfg.Tick(time.Minute, func(time.Time) tea.Msg { return minutePassed{} })
}
