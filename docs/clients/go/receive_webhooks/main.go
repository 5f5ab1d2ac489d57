// Receives and verifies webhooks. Requires Go 1.20 or newer and no modules.
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
	maxBodyBytes   = 1 << 20
	maxRequestTime = 10 * time.Second
	minSecretBytes = 24
)

var (
	secret []byte
	seen   sync.Map // Use your database: a webhook may be delivered again, also after a restart.
)

// isGenuine returns whether Resma sent the webhook in the last minutes (standardwebhooks.com). body is the raw body.
func isGenuine(header http.Header, body []byte) bool {
	timestamp := header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > tolerance {
		return false // Otherwise anyone who has seen a webhook could send it again at any time.
	}
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s.%s.%s", header.Get("webhook-id"), timestamp, body)
	expected := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	// During a rotation there are two signatures, one of which is made with this secret.
	for _, signature := range strings.Split(header.Get("webhook-signature"), " ") {
		if hmac.Equal([]byte(signature), expected) {
			return true
		}
	}
	return false
}

func handle(response http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(response, request.Body, maxBodyBytes))
	if err != nil {
		response.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	if !isGenuine(request.Header, body) {
		response.WriteHeader(http.StatusUnauthorized)
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
	response.WriteHeader(http.StatusNoContent) // Do the work afterwards: without a response within 20 seconds the webhook is sent again.
}

func main() {
	var err error
	secret, err = base64.StdEncoding.DecodeString(strings.TrimPrefix(os.Getenv("RESMA_WEBHOOK_SECRET"), "whsec_"))
	if err != nil || len(secret) < minSecretBytes { // With an empty secret, anyone could sign.
		log.Fatal("Set RESMA_WEBHOOK_SECRET to the secret of the endpoint: whsec_ and at least 24 bytes in base64.")
	}
	if len(os.Args) != 2 {
		log.Fatal("One argument is required: a port, such as 8080.")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on port", listener.Addr().(*net.TCPAddr).Port)
	server := http.Server{Handler: http.HandlerFunc(handle), ReadTimeout: maxRequestTime}
	log.Fatal(server.Serve(listener))
}
