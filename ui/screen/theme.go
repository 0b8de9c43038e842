package screen

import (
	"image/color"

	"charm.land/lipgloss/v2"
)

// Theme is every style of the user interface by meaning. It is built once per
// background and refilled in place when that changes. Colours are of the
// terminal's own 16 where they carry meaning, and no state is told by colour
// alone, so NO_COLOR and mono terminals lose nothing.
type Theme struct {
	Dark bool

	Text     lipgloss.Style
	Dim      lipgloss.Style // what can wait
	Faint    lipgloss.Style // rules and dividers
	Accent   lipgloss.Style // the one accent
	Warn     lipgloss.Style // the one warning
	Good     lipgloss.Style
	Bold     lipgloss.Style
	Title    lipgloss.Style
	Selected lipgloss.Style // the selected row of the focused pane
	Blurred  lipgloss.Style // the selected row of another pane
	Match    lipgloss.Style // found text
	Added    lipgloss.Style
	Removed  lipgloss.Style
	Changed  lipgloss.Style // changed words inside a line
	KeyName  lipgloss.Style // a key in footer and help
	Code     lipgloss.Style
	Link     lipgloss.Style

	pens *Pens // made when first asked for
}

// Fill sets all styles for a dark or light background.
func (t *Theme) Fill(dark bool) {
	pick := lipgloss.LightDark(dark)
	c := func(light, dark string) color.Color { return pick(lipgloss.Color(light), lipgloss.Color(dark)) }
	plain := lipgloss.NewStyle()
	dim, faint := c("#6b6b6b", "#8a8a8a"), c("#c4c4c4", "#4a4a4a")
	accent, warn := c("#0b5fa5", "#7cb7ff"), c("#a34b00", "#ffb454")
	*t = Theme{
		Dark:     dark,
		Text:     plain,
		Dim:      plain.Foreground(dim),
		Faint:    plain.Foreground(faint),
		Accent:   plain.Foreground(accent),
		Warn:     plain.Foreground(warn).Bold(true),
		Good:     plain.Foreground(c("#2e7d32", "#8bc98b")),
		Bold:     plain.Bold(true),
		Title:    plain.Bold(true).Foreground(accent),
		Selected: plain.Bold(true).Foreground(c("#000000", "#ffffff")).Background(c("#d6e6f7", "#27415e")),
		Blurred:  plain.Background(c("#ececec", "#2b2b2b")),
		Match:    plain.Bold(true).Underline(true).Foreground(warn),
		Added:    plain.Foreground(c("#1b6e20", "#8fd48f")),
		Removed:  plain.Foreground(c("#a02020", "#f09090")).Strikethrough(true),
		Changed:  plain.Bold(true).Underline(true).Foreground(warn),
		KeyName:  plain.Bold(true).Foreground(accent),
		Code:     plain.Foreground(c("#7a3e9d", "#d3a4f0")),
		Link:     plain.Underline(true).Foreground(accent),
	}
}
