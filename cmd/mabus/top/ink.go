package top

import (
	"strings"

	"charm.land/lipgloss/v2"
)

// Ink gives lines their colour; the zero value gives none.
type Ink struct {
	tones    map[Tone]lipgloss.Style
	selected lipgloss.Style
	lit      bool
}

// Colours returns an ink of a terminal's own sixteen colours, so that it goes with any background.
func Colours() Ink {
	of := func(c string) lipgloss.Style { return lipgloss.NewStyle().Foreground(lipgloss.Color(c)) }
	return Ink{lit: true, selected: lipgloss.NewStyle().Reverse(true), tones: map[Tone]lipgloss.Style{
		Dim: lipgloss.NewStyle().Faint(true), Good: of("2"), Warn: of("3"), Bad: of("1").Bold(true), Strong: lipgloss.NewStyle().Bold(true),
	}}
}

func (k Ink) tone(t Tone, s string) string {
	style, ok := k.tones[t]
	if !ok || s == "" {
		return s
	}
	return style.Render(s)
}

func (k Ink) line(s string) string {
	if !k.lit {
		return s
	}
	return k.selected.Render(s)
}

// fit makes a text so many columns wide: cut, with a mark where it was cut, or filled with spaces on the left or the right.
func fit(s string, width int, right bool) string {
	w := lipgloss.Width(s)
	switch {
	case width <= 0:
		return ""
	case w > width:
		return cut(s, width)
	case right:
		return strings.Repeat(" ", width-w) + s
	}
	return s + strings.Repeat(" ", width-w)
}

// cut makes a text at most so many columns wide.
func cut(s string, width int) string {
	if width <= 0 {
		return ""
	}
	if lipgloss.Width(s) <= width {
		return s
	}
	s = lipgloss.NewStyle().MaxWidth(width - 1).Render(s)
	if width == 1 {
		s = ""
	}
	return s + "…" + strings.Repeat(" ", width-1-lipgloss.Width(s)) // a wide character may not have fitted
}
