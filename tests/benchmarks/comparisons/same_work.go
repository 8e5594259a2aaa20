// The benchmark's job as one static Go program, with what the connector does beside it: it reads Connector.config,
// decrypts both credentials, takes a lock, and writes a record of the run eight times, each flushed and put in place whole.
//
// Arguments: base address, job name, Connector.config (its key file beside it), and for https the file of the CA.
package main

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

type job struct {
	base, token, record string
	client              *http.Client
}

func main() {
	base, name, config := os.Args[1], os.Args[2], os.Args[3]
	out := bufio.NewWriter(os.Stdout)
	fmt.Fprintln(out, "AMT Connector")
	check(out.Flush())
	key := keyBeside(config)
	settings := string(must(os.ReadFile(config)))
	user, password := decrypted(value(settings, "USER="), key), decrypted(value(settings, "PASSWORD="), key)
	folder := filepath.Join(filepath.Dir(config), "go-runs")
	check(os.MkdirAll(folder, 0o700))
	run := job{base: base, client: client(os.Args[4:]), record: filepath.Join(folder, fmt.Sprint("run-", os.Getpid()))}
	lock := must(os.OpenFile(run.record+".lock", os.O_CREATE|os.O_WRONLY, 0o600))
	check(syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB))
	run.save("claimed", 0)
	run.save("not started", 0)
	var logon struct{ AmtLogonToken string }
	run.call("POST", "/api/Logon", map[string]string{"UserName": user, "Password": password}, &logon)
	run.token = logon.AmtLogonToken
	run.save("logged on", 0)
	run.save("intended", 0)
	var started struct{ BatchRequestId int }
	run.call("POST", "/api/OpConJobAction", map[string]string{"Action": "START", "JobName": name}, &started)
	id := started.BatchRequestId
	run.save("submitted", id)
	var state struct{ Status int }
	for {
		if run.call("GET", fmt.Sprint("/api/MonitorJob?BatchRequestId=", id), nil, &state); state.Status != 2 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	run.save("ended", id)
	var messages []string
	run.call("GET", fmt.Sprint("/api/GetMessages?BatchRequestId=", id), nil, &messages)
	for _, message := range messages {
		fmt.Fprintln(out, message)
	}
	run.save("printed", id)
	fmt.Fprintln(out, "Connector completed with return code", state.Status)
	check(out.Flush())
	run.save("finished", id)
	os.Exit(state.Status)
}

func client(caFile []string) *http.Client {
	if len(caFile) == 0 {
		return &http.Client{}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(must(os.ReadFile(caFile[0])))
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
}

func (run *job) call(verb, path string, body, answer any) {
	content := must(json.Marshal(body))
	request := must(http.NewRequest(verb, run.base+path, bytes.NewReader(content)))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-AMT-LogonToken", run.token)
	request.Close = true
	response := must(run.client.Do(request))
	defer response.Body.Close()
	check(json.Unmarshal(must(io.ReadAll(response.Body)), answer))
}

func (run *job) save(state string, id int) {
	file := must(os.OpenFile(run.record+".tmp", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600))
	_, err := fmt.Fprintf(file, "{\n\"version\": 1,\n\"state\": %q,\n\"request_id\": \"%d\",\n\"application\": \"BENCH\"\n}\n", state, id)
	check(err)
	check(file.Sync())
	check(file.Close())
	check(os.Rename(run.record+".tmp", run.record+".json"))
}

func keyBeside(config string) []byte {
	content := must(os.ReadFile(filepath.Join(filepath.Dir(config), "connector.key")))
	return must(base64.URLEncoding.DecodeString(strings.Fields(string(content))[0]))
}

func value(settings, name string) string {
	for _, line := range strings.Split(settings, "\n") {
		if strings.HasPrefix(line, name) {
			return line[strings.LastIndex(line, ":")+1:]
		}
	}
	panic("no " + name)
}

// decrypted opens a Fernet token: version, time and vector, AES-128-CBC, and an HMAC over all of it.
func decrypted(token string, key []byte) string {
	content := must(base64.URLEncoding.DecodeString(token))
	end := len(content) - 32
	mac := hmac.New(sha256.New, key[:16])
	mac.Write(content[:end])
	if !hmac.Equal(mac.Sum(nil), content[end:]) {
		panic(errors.New("damaged"))
	}
	text := content[25:end]
	cipher.NewCBCDecrypter(must(aes.NewCipher(key[16:])), content[9:25]).CryptBlocks(text, text)
	return string(text[:len(text)-int(text[len(text)-1])])
}

func must[T any](result T, err error) T {
	check(err)
	return result
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
