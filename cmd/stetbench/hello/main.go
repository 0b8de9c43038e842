// Command hello is the least that the app could be: a terminal program with
// Bubble Tea that opens a SQLite file, reads fifty titles, draws them and counts
// keys; with -plain no screen at all, only the open, the read and the print. What
// stet costs is told beside what this costs.
package main

import (
	"bufio"
	"database/sql"
	"flag"
	"fmt"
	"net/url"
	"os"
	"strings"

	tea "charm.land/bubbletea/v2"
	_ "github.com/mattn/go-sqlite3"
)

func main() {
	path := flag.String("db", "", "file to read")
	query := flag.String("query", "", "query whose first column is read")
	plain := flag.Bool("plain", false, "print the rows and end")
	flag.Parse()
	if err := run(*path, *query, *plain); err != nil {
		fmt.Fprintln(os.Stderr, "hello:", err)
		os.Exit(1)
	}
}

func run(path, query string, plain bool) error {
	dsn := url.URL{Scheme: "file", Opaque: path, RawQuery: "_journal_mode=WAL&_synchronous=FULL&_busy_timeout=5000"}
	db, err := sql.Open("sqlite3", dsn.String())
	if err != nil {
		return err
	}
	defer db.Close()
	lines, err := read(db, query)
	if err != nil {
		return err
	}
	if plain {
		out := bufio.NewWriter(os.Stdout)
		defer out.Flush()
		_, err := fmt.Fprintln(out, strings.Join(lines, "\n"))
		return err
	}
	_, err = tea.NewProgram(&screen{lines: lines}, tea.WithFPS(120)).Run()
	return err
}

func read(db *sql.DB, query string) ([]string, error) {
	rows, err := db.Query(query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// screen is a list of lines under a count of keys.
type screen struct {
	lines  []string
	height int
	keys   int
}

func (s *screen) Init() tea.Cmd { return nil }

func (s *screen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		s.height = msg.Height
	case tea.KeyPressMsg:
		if msg.String() == "q" {
			return s, tea.Quit
		}
		s.keys++
	}
	return s, nil
}

func (s *screen) View() tea.View {
	rows := append([]string{fmt.Sprintf("%d keys", s.keys)}, s.lines[:min(len(s.lines), max(s.height-1, 0))]...)
	v := tea.NewView(strings.Join(rows, "\n"))
	v.AltScreen = true
	return v
}
