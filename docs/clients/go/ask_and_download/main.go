// Asks for a report, waits for it, and saves it once its SHA-256 is right. Go 1.20 or newer, and nothing besides.
//
//	RESMA_URL=https://reports.example.com RESMA_KEY=rsm_… \
//	go run main.go '{"type": "TRANSACTIONS", "format": "CSV"}' transactions.csv
package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	tries        = 5
	longestPause = time.Minute
)

var (
	url = getenv("RESMA_URL", "http://localhost:3008")
	key = os.Getenv("RESMA_KEY") // `make up` takes requests of its own machine without one

	// Follows no redirect: the key must not go where the file is.
	api = http.Client{
		Timeout:       time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
)

// report is what this program needs of one; the OpenAPI document has all of it.
type report struct {
	Status   string
	Files    []file
	Progress struct{ RowsDone, RowsExpected int }
	Error    struct{ Detail string }
	Links    struct{ Self string }
}

type file struct{ Format, SHA256, Download string }

func getenv(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// call calls the API, again where that may help.
func call(method, address string, body []byte, headers map[string]string) (http.Header, report, error) {
	for triesLeft := tries - 1; ; triesLeft-- {
		header, text, status, err := once(method, address, body, headers)
		switch pause := pauseOf(header); {
		case err == nil && status == http.StatusSeeOther:
			return header, report{}, nil
		case err == nil && status < 300:
			var answer report
			return header, answer, json.Unmarshal(text, &answer)
		case err != nil && triesLeft == 0:
			return nil, report{}, err
		case err == nil && (!mayPass(status, header) || triesLeft == 0 || pause > longestPause):
			return nil, report{}, errors.New(explain(status, text))
		default:
			time.Sleep(pause)
		}
	}
}

func once(method, address string, body []byte, headers map[string]string) (http.Header, []byte, int, error) {
	request, err := http.NewRequest(method, address, bytes.NewReader(body))
	if err != nil {
		return nil, nil, 0, err
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	answer, err := api.Do(request)
	if err != nil {
		return nil, nil, 0, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.Header, text, answer.StatusCode, err
}

func mayPass(status int, header http.Header) bool {
	return status == http.StatusTooManyRequests || status >= 500 || header.Get("Retry-After") != ""
}

func pauseOf(header http.Header) time.Duration {
	if seconds, err := strconv.Atoi(header.Get("Retry-After")); err == nil {
		return time.Duration(seconds) * time.Second
	}
	return 2 * time.Second
}

// explain puts a problem (RFC 9457) into words; a gateway's answer may be none.
func explain(status int, text []byte) string {
	var problem struct {
		Title, Detail string
		Errors        []struct{ Pointer, Detail string }
	}
	_ = json.Unmarshal(text, &problem)
	said := fmt.Sprintf("%d %s: %s", status, problem.Title, problem.Detail)
	for _, fault := range problem.Errors {
		said += fmt.Sprintf("\n  %s: %s", fault.Pointer, fault.Detail)
	}
	return said
}

// ask asks for a report. Sent again with the same Idempotency-Key, a request is still one report.
func ask(wanted string) (http.Header, report, error) {
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		return nil, report{}, err
	}
	headers := map[string]string{"Content-Type": "application/json", "Idempotency-Key": hex.EncodeToString(random)}
	return call(http.MethodPost, url+"/api/v1/reports/generate", []byte(wanted), headers)
}

// wait waits until the report is READY, and returns it.
func wait(header http.Header, asked report) (report, error) {
	for asked.Status == "PENDING" || asked.Status == "GENERATING" {
		fmt.Fprintln(os.Stderr, asked.Status, asked.Progress.RowsDone, "of", asked.Progress.RowsExpected, "rows")
		time.Sleep(pauseOf(header))
		var err error
		if header, asked, err = call(http.MethodGet, asked.Links.Self, nil, nil); err != nil {
			return asked, err
		}
	}
	if asked.Status != "READY" {
		return asked, fmt.Errorf("the report is %s: %s", asked.Status, asked.Error.Detail)
	}
	return asked, nil
}

// save saves the report's file under path; of several, each with its format at its name's end.
func save(ready report, path string) error {
	for _, each := range ready.Files {
		itsPath := path
		if len(ready.Files) > 1 {
			itsPath += "." + strings.ToLower(each.Format)
		}
		if err := download(each, itsPath); err != nil {
			return err
		}
		fmt.Println(itsPath)
	}
	return nil
}

// download saves a file under path, where it only appears if it is whole.
func download(described file, path string) error {
	header, _, err := call(http.MethodGet, described.Download, nil, nil)
	if err != nil {
		return err
	}
	// The address is its own credential, good for an hour.
	answer, err := http.Get(header.Get("Location"))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the file's address answered %s", answer.Status)
	}
	part, err := os.Create(path + ".part")
	if err != nil {
		return err
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(part, hash), answer.Body)
	if err = errors.Join(err, part.Close()); err != nil {
		return err
	}
	if hex.EncodeToString(hash.Sum(nil)) != described.SHA256 {
		return fmt.Errorf("%s.part is not the file that the report describes: its SHA-256 differs", path)
	}
	return os.Rename(path+".part", path)
}

func run(wanted, path string) error {
	header, asked, err := ask(wanted)
	if err != nil {
		return err
	}
	ready, err := wait(header, asked)
	if err != nil {
		return err
	}
	return save(ready, path)
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "give a request in JSON, and a name for the file")
		os.Exit(1)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
