// Takes webhooks and verifies them. Go 1.20 or newer, and nothing besides.
//
//	RESMA_WEBHOOK_SECRET=whsec_… go run main.go 8080
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	tolerance      = 5 * time.Minute
	bodyBytesMax   = 1 << 20
	requestMax     = 10 * time.Second
	secretBytesMin = 24
)

var (
	secret []byte
	seen   sync.Map // in your database: the same webhook may come again, also after a restart
)

// isGenuine tells whether a webhook is Resma's and new: standardwebhooks.com. body is as it came, before it is parsed.
func isGenuine(header http.Header, body []byte) bool {
	timestamp := header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > tolerance {
		return false // or whoever has seen one could send it again for ever
	}
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s.%s.%s", header.Get("webhook-id"), timestamp, body)
	expected := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	// During a rotation there are two: one of them is ours.
	for _, signature := range strings.Split(header.Get("webhook-signature"), " ") {
		if hmac.Equal([]byte(signature), expected) {
			return true
		}
	}
	return false
}

func take(answer http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(answer, request.Body, bodyBytesMax))
	if err != nil {
		answer.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	if !isGenuine(request.Header, body) {
		answer.WriteHeader(http.StatusUnauthorized)
		return
	}
	id := request.Header.Get("webhook-id")
	if _, isKnown := seen.LoadOrStore(id, true); !isKnown {
		var message struct {
			Type string
			Data struct {
				ReportID string
				Rows     int
			}
		}
		if err := json.Unmarshal(body, &message); err != nil {
			log.Print(err)
		}
		fmt.Println(id, message.Type, message.Data.ReportID, message.Data.Rows)
	}
	answer.WriteHeader(http.StatusNoContent) // then do the work: an answer that takes over 20 seconds is sent again
}

func main() {
	var err error
	secret, err = base64.StdEncoding.DecodeString(strings.TrimPrefix(os.Getenv("RESMA_WEBHOOK_SECRET"), "whsec_"))
	if err != nil || len(secret) < secretBytesMin { // with an empty key anybody could sign
		log.Fatal("set RESMA_WEBHOOK_SECRET to the endpoint's secret, whsec_ and at least 24 bytes in base64")
	}
	if len(os.Args) != 2 {
		log.Fatal("name a port, like 8080")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on port", listener.Addr().(*net.TCPAddr).Port)
	server := http.Server{Handler: http.HandlerFunc(take), ReadTimeout: requestMax}
	log.Fatal(server.Serve(listener))
}
