package syncengine_test

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func protocolText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// rows returns the cells of the table rows whose first cell matches.
func rows(text string, first *regexp.Regexp) (out [][]string) {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if first.MatchString(cells[0]) {
			out = append(out, cells)
		}
	}
	return out
}

// repositoryTests returns the names of all test functions of the repository.
func repositoryTests(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil // the compiler tells
		}
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
				found[fn.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestConformanceTableIsComplete: every statement is in the table once, with
// tests of its own name that exist.
func TestConformanceTableIsComplete(t *testing.T) {
	tests := repositoryTests(t)
	if len(tests) < 300 {
		t.Fatalf("only %d tests found", len(tests))
	}
	listed := map[string]int{}
	for _, row := range rows(protocolText(t), regexp.MustCompile(`^(guide|native|merge|state)-\d\d$`)) {
		listed[row[0]]++
		if len(row) != 4 || row[1] == "" || row[2] == "" {
			t.Errorf("%s: the row is not whole: %q", row[0], row)
			continue
		}
		family, number, _ := strings.Cut(row[0], "-")
		own := "Test" + strings.ToUpper(family[:1]) + family[1:] + number
		named := false
		for name := range strings.SplitSeq(row[2], ", ") {
			if !tests[name] {
				t.Errorf("%s: there is no test %s", row[0], name)
			}
			named = named || strings.HasPrefix(name, own)
		}
		if !named {
			t.Errorf("%s: no test is named %s…", row[0], own)
		}
	}
	for family, n := range map[string]int{"guide": 23, "native": 37, "merge": 15, "state": 2} {
		for i := range n {
			if id := fmt.Sprintf("%s-%02d", family, i+1); listed[id] != 1 {
				t.Errorf("%s is in the table %d times", id, listed[id])
			}
		}
	}
	// And the other way about: a test that bears a number is in its row.
	text := protocolText(t)
	for name := range tests {
		if regexp.MustCompile(`^Test(Guide|Native|Merge|State)0?[1-9]\d*[A-Z]`).MatchString(name) && !strings.HasPrefix(name, "TestState24") && !strings.Contains(text, name) {
			t.Errorf("%s is not in the table", name)
		}
	}
}

// TestTransitionsAreDocumented compares the rows of the table of states with
// the subtests that drive them.
func TestTransitionsAreDocumented(t *testing.T) {
	_, states, _ := strings.Cut(protocolText(t), "## 11.")
	states, _, _ = strings.Cut(states, "## 12.")
	if n := len(rows(states, regexp.MustCompile(`^\d+$`))); n != len(transitions) {
		t.Errorf("%d rows of states, %d subtests", n, len(transitions))
	}
}

// TestProblemCodesAreDocumented finds every code that package wire declares in
// the table of errors, with its status, and no other.
func TestProblemCodesAreDocumented(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("wire", "problem.go"), nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	status := regexp.MustCompile(`^// (\d{3})`)
	want := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Code") {
			return true
		}
		value := constant.StringVal(constant.MakeFromLiteral(spec.Values[0].(*ast.BasicLit).Value, token.STRING, 0))
		if spec.Comment != nil {
			if m := status.FindStringSubmatch(spec.Comment.List[0].Text); m != nil {
				want[value] = m[1]
				return true
			}
		}
		t.Errorf("%s says no status", spec.Names[0].Name)
		return true
	})
	if len(want) < 25 {
		t.Fatalf("only %d codes found", len(want))
	}
	var listed []string
	_, errors, _ := strings.Cut(protocolText(t), "## 7.")
	errors, _, _ = strings.Cut(errors, "## 8.")
	for _, row := range rows(errors, regexp.MustCompile("^`[a-z-]+`$")) {
		code := strings.Trim(row[0], "`")
		listed = append(listed, code)
		if want[code] != row[1] {
			t.Errorf("%s is documented with status %s, it has %q", code, row[1], want[code])
		}
	}
	for code := range want {
		if !slices.Contains(listed, code) {
			t.Errorf("%s is not documented", code)
		}
	}
}
