package ui

import (
	"errors"
	"fmt"
	"os"
	"strings"

	tea "charm.land/bubbletea/v2"

	"stet/ui/screen"
)

// editExternally hands text to the user's editor in a file that only the user
// can read, and answers with what stands there afterwards.
func (a *App) editExternally(key, text string) tea.Cmd {
	editor, dir := a.cfg.EditorCommand, a.cfg.TempDir
	return func() tea.Msg {
		if editor == nil {
			return screen.ExternalEdited{Key: key, Err: errors.New("no editor is set: set EDITOR")}
		}
		path, err := writeTemp(dir, text)
		if err != nil {
			return screen.ExternalEdited{Key: key, Err: fmt.Errorf("hand the text to the editor: %w", err)}
		}
		return tea.ExecProcess(editor(path), func(err error) tea.Msg { return readTemp(key, path, err) })()
	}
}

func writeTemp(dir, text string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(dir, "note-*.md") // 0600
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// readTemp reads the edited file and removes it. When the editor ended badly
// the file stays, and the error says where.
func readTemp(key, path string, ran error) tea.Msg {
	text, err := os.ReadFile(path)
	if ran != nil || err != nil {
		return screen.ExternalEdited{Key: key, Text: string(text),
			Err: fmt.Errorf("editor ended badly, its text is in %s: %w", path, errors.Join(ran, err))}
	}
	return screen.ExternalEdited{Key: key, Text: string(text), Err: os.Remove(path)}
}

// EditorWords splits an editor setting such as `code --wait` or `"my editor"
// -n` into words as a shell does, with quotes and backslashes but without
// expansions. An open quote runs to the end.
func EditorWords(setting string) []string {
	var words []string
	var word strings.Builder
	begun, quote := false, rune(0)
	escaped := false
	for _, r := range setting {
		switch {
		case escaped:
			if quote == '"' && r != '"' && r != '\\' {
				word.WriteByte('\\')
			}
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, begun = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, begun = r, true
		case quote == 0 && (r == ' ' || r == '\t'):
			if begun {
				words = append(words, word.String())
				word.Reset()
			}
			begun = false
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	if begun {
		words = append(words, word.String())
	}
	return words
}
