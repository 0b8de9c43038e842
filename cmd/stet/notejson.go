package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"stet/model"
)

// noteJSON is a note as scripts see it. Members are only ever added.
type noteJSON struct {
	ID              string    `json:"id"`
	Title           string    `json:"title"`
	Body            string    `json:"body"`
	Tags            []string  `json:"tags"`
	Notebook        string    `json:"notebook"`
	Pinned          bool      `json:"pinned"`
	Archived        bool      `json:"archived"`
	Color           string    `json:"color"`
	Order           string    `json:"order"`
	Log             []logJSON `json:"log"`
	CreatedAt       *string   `json:"created_at"`
	UpdatedAt       *string   `json:"updated_at"`
	UpdatedAtServer *string   `json:"updated_at_server"`
	Status          string    `json:"status"`
	Rev             int64     `json:"rev"`
	Deleted         bool      `json:"deleted"`
	Words           int       `json:"words"`
	TasksOpen       int       `json:"tasks_open"`
	TasksDone       int       `json:"tasks_done"`
}

type logJSON struct {
	ID     string  `json:"id"`
	Text   string  `json:"text"`
	Device *string `json:"device"`
	At     *string `json:"at"`
}

func newNoteJSON(n model.Note, status string) noteJSON {
	open, done := model.Tasks(n.Body)
	return noteJSON{ID: n.ID, Title: n.Title, Body: n.Body, Tags: array(n.Tags), Notebook: n.Notebook, Pinned: n.Pinned,
		Archived: n.Archived, Color: n.Color, Order: n.Order, Log: logOf(n.Log), CreatedAt: timeOf(n.CreatedAt),
		UpdatedAt: timeOf(n.UpdatedAt), UpdatedAtServer: timeOf(n.UpdatedAtServer), Status: status, Rev: n.Rev,
		Deleted: n.Deleted, Words: model.Words(n.Body), TasksOpen: open, TasksDone: done}
}

func logOf(entries []model.LogEntry) []logJSON {
	out := make([]logJSON, 0, len(entries))
	for _, e := range entries {
		out = append(out, logJSON{e.ID, e.Text, orNull(e.Device), timeOf(e.At)})
	}
	return out
}

// array returns s as a JSON array, never null.
func array(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// timeOf returns a time as JSON spells it, null for an unknown one.
func timeOf(t time.Time) *string { return orNull(model.FormatTime(t)) }

// orNull returns null for what is not known.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// writeJSON writes one object on a line of its own. What a terminal could take
// for a command is written as \u escapes, which mean the same.
func (a *app) writeJSON(v any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	_, err := a.out.Write(escapeHidden(buf.Bytes()))
	return err
}

// escapeHidden escapes DEL, C1 controls, bidirectional controls and the byte
// order mark in JSON. None of them occurs outside of strings.
func escapeHidden(data []byte) []byte {
	plain := true
	for _, c := range data {
		if c >= 0x7F {
			plain = false
			break
		}
	}
	if plain {
		return data
	}
	out := make([]byte, 0, len(data)+64)
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if hiddenInJSON(r) {
			out = fmt.Appendf(out, `\u%04x`, r)
		} else {
			out = append(out, data[i:i+n]...)
		}
		i += n
	}
	return out
}

func hiddenInJSON(r rune) bool {
	switch {
	case r >= 0x7F && r <= 0x9F, r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069:
		return true
	}
	return r == 0x061C || r == 0x200E || r == 0x200F || r == 0xFEFF
}
