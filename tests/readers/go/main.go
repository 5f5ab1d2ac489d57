// Reads workbooks with excelize, and prints their sheets as lines of JSON.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/xuri/excelize/v2"
)

type sheet struct {
	Reader string     `json:"reader"`
	File   string     `json:"file"`
	Sheet  string     `json:"sheet"`
	Rows   [][]string `json:"rows"`
}

func read(path string, out *json.Encoder) error {
	book, err := excelize.OpenFile(path)
	if err != nil {
		return err
	}
	defer book.Close()
	for _, name := range book.GetSheetList() {
		rows, err := book.GetRows(name, excelize.Options{RawCellValue: true})
		if err != nil {
			return err
		}
		if err := out.Encode(sheet{"excelize", path, name, rows}); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	out := json.NewEncoder(os.Stdout)
	for _, path := range os.Args[1:] {
		if err := read(path, out); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			os.Exit(1)
		}
	}
}
