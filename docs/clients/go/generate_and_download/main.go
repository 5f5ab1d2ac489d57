// Requests a report, waits for it, and saves it if its SHA-256 matches. Requires Go 1.20 or newer and no modules.
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
	maxTries = 5
	maxPause = time.Minute
)

var (
	baseURL = getenv("RESMA_URL", "http://localhost:3008")
	key     = os.Getenv("RESMA_KEY") // A stack of `make up` needs no key.

	// Redirects are not followed, because the key must not be sent to the object store.
	api = http.Client{
		Timeout:       time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
)

// report has the fields of a report that this program needs; the OpenAPI document has all of them.
type report struct {
	Status   string
	Files    []file
	Progress struct{ RowsDone, RowsExpected int }
	Error    struct{ Detail string }
	Links    struct{ Self string }
}

type file struct{ Format, SHA256, Download string }

func getenv(name, byDefault string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return byDefault
}

// call calls the API, with retries after temporary errors.
func call(method, url string, body []byte, headers map[string]string) (http.Header, report, error) {
	for triesLeft := maxTries - 1; ; triesLeft-- {
		header, text, status, err := callOnce(method, url, body, headers)
		switch pause := pauseOf(header); {
		case err == nil && status == http.StatusSeeOther:
			return header, report{}, nil
		case err == nil && status < 300:
			var response report
			return header, response, json.Unmarshal(text, &response)
		case err != nil && triesLeft == 0:
			return nil, report{}, err
		case err == nil && (!isTemporary(status, header) || triesLeft == 0 || pause > maxPause):
			return nil, report{}, errors.New(explain(status, text))
		default:
			time.Sleep(pause)
		}
	}
}

func callOnce(method, url string, body []byte, headers map[string]string) (http.Header, []byte, int, error) {
	request, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return nil, nil, 0, err
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := api.Do(request)
	if err != nil {
		return nil, nil, 0, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.Header, text, response.StatusCode, err
}

func isTemporary(status int, header http.Header) bool {
	return status == http.StatusTooManyRequests || status >= 500 || header.Get("Retry-After") != ""
}

func pauseOf(header http.Header) time.Duration {
	if seconds, err := strconv.Atoi(header.Get("Retry-After")); err == nil {
		return time.Duration(seconds) * time.Second
	}
	return 2 * time.Second
}

// explain formats a problem document (RFC 9457). The response of a gateway may not be one.
func explain(status int, text []byte) string {
	var problem struct {
		Title, Detail string
		Errors        []struct{ Pointer, Detail string }
	}
	_ = json.Unmarshal(text, &problem)
	message := fmt.Sprintf("%d %s: %s", status, problem.Title, problem.Detail)
	for _, each := range problem.Errors {
		message += fmt.Sprintf("\n  %s: %s", each.Pointer, each.Detail)
	}
	return message
}

// generate requests a report. A retry with the same Idempotency-Key does not create a second report.
func generate(request string) (http.Header, report, error) {
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		return nil, report{}, err
	}
	headers := map[string]string{"Content-Type": "application/json", "Idempotency-Key": hex.EncodeToString(random)}
	return call(http.MethodPost, baseURL+"/api/v1/reports/generate", []byte(request), headers)
}

// wait waits until the report is READY, and returns it.
func wait(header http.Header, requested report) (report, error) {
	for requested.Status == "PENDING" || requested.Status == "GENERATING" {
		progress := requested.Progress
		fmt.Fprintf(os.Stderr, "%s: %d of %d rows\n", requested.Status, progress.RowsDone, progress.RowsExpected)
		time.Sleep(pauseOf(header))
		var err error
		if header, requested, err = call(http.MethodGet, requested.Links.Self, nil, nil); err != nil {
			return requested, err
		}
	}
	if requested.Status != "READY" {
		return requested, fmt.Errorf("The report is %s: %s", requested.Status, requested.Error.Detail)
	}
	return requested, nil
}

// save saves the file of the report as path, or each of several files as path.format.
func save(ready report, path string) error {
	for _, each := range ready.Files {
		filePath := path
		if len(ready.Files) > 1 {
			filePath += "." + strings.ToLower(each.Format)
		}
		if err := download(each, filePath); err != nil {
			return err
		}
		fmt.Println(filePath)
	}
	return nil
}

// download saves a file as path, which exists only once the file is complete.
func download(described file, path string) error {
	header, _, err := call(http.MethodGet, described.Download, nil, nil)
	if err != nil {
		return err
	}
	// The presigned URL needs no key and is valid for one hour.
	response, err := http.Get(header.Get("Location"))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("The object store responded with %s. Download the file again.", response.Status)
	}
	part, err := os.Create(path + ".part")
	if err != nil {
		return err
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(part, hash), response.Body)
	if err = errors.Join(err, part.Close()); err != nil {
		return err
	}
	if hex.EncodeToString(hash.Sum(nil)) != described.SHA256 {
		return fmt.Errorf("The SHA-256 of %s.part does not match the report. Download the file again.", path)
	}
	return os.Rename(path+".part", path)
}

func run(request, path string) error {
	header, requested, err := generate(request)
	if err != nil {
		return err
	}
	ready, err := wait(header, requested)
	if err != nil {
		return err
	}
	return save(ready, path)
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "Two arguments are required: the request as JSON, and a file name.")
		os.Exit(1)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
