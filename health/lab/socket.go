package lab

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// The opcodes of RFC 6455 §5.2 that the echo treats differently.
const (
	opClose = 0x8
	opPing  = 0x9
	opPong  = 0xA
)

// frameMost bounds a frame's payload: it is kept whole until it is echoed.
const frameMost = 1 << 20

// echoSocket is a WebSocket (RFC 6455) that sends back every frame it gets.
func echoSocket(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("Sec-WebSocket-Key")
	if err := checkHandshake(r, key); err != nil {
		w.Header().Set("Sec-WebSocket-Version", "13")
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, err.Error(), http.StatusUpgradeRequired)
		return
	}
	conn, stream, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "this connection cannot be upgraded", http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	fmt.Fprintf(stream, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"X-Served-By: %s\r\nSec-WebSocket-Accept: %s\r\n\r\n", w.Header().Get("X-Served-By"), acceptKey(key))
	if stream.Flush() == nil {
		echoFrames(stream)
	}
}

// checkHandshake is RFC 6455 §4.2.1.
func checkHandshake(r *http.Request, key string) error {
	nonce, err := base64.StdEncoding.DecodeString(key)
	switch {
	case !strings.EqualFold(r.Header.Get("Upgrade"), "websocket"),
		!strings.Contains(strings.ToLower(r.Header.Get("Connection")), "upgrade"):
		return errors.New("this is a WebSocket: ask for an upgrade to it")
	case r.Header.Get("Sec-WebSocket-Version") != "13":
		return errors.New("only version 13 of the WebSocket protocol is spoken here")
	case err != nil || len(nonce) != 16:
		return errors.New("Sec-WebSocket-Key is not 16 bytes in base64")
	}
	return nil
}

// acceptKey is the answer to a handshake's key (RFC 6455 §4.2.2).
func acceptKey(key string) string {
	digest := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(digest[:])
}

// echoFrames ends after a close frame, which it answers, and when the peer goes
// away or breaks the rules.
func echoFrames(stream *bufio.ReadWriter) {
	for {
		first, payload, err := readFrame(stream)
		if err != nil {
			return
		}
		opcode := first & 0x0F
		if opcode == opPong {
			continue
		}
		if opcode == opPing {
			first = first&0xF0 | opPong
		}
		if writeFrame(stream.Writer, first, payload) != nil || opcode == opClose {
			return
		}
	}
}

// readFrame reads one frame from a client: its first byte, with FIN and opcode,
// and its payload, unmasked.
func readFrame(stream io.Reader) (first byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(stream, head[:]); err != nil {
		return 0, nil, err
	}
	if head[1]&0x80 == 0 {
		return 0, nil, errors.New("the frame is not masked, as RFC 6455 §5.1 demands of clients")
	}
	length := uint64(head[1] & 0x7F)
	switch length {
	case 126:
		var wide uint16
		err = binary.Read(stream, binary.BigEndian, &wide)
		length = uint64(wide)
	case 127:
		err = binary.Read(stream, binary.BigEndian, &length)
	}
	if err != nil {
		return 0, nil, err
	}
	if length > frameMost {
		return 0, nil, fmt.Errorf("the frame has %d bytes, at most %d are echoed", length, frameMost)
	}
	var mask [4]byte
	if _, err := io.ReadFull(stream, mask[:]); err != nil {
		return 0, nil, err
	}
	payload = make([]byte, length)
	if _, err := io.ReadFull(stream, payload); err != nil {
		return 0, nil, err
	}
	for i := range payload {
		payload[i] ^= mask[i%4]
	}
	return head[0], payload, nil
}

// writeFrame sends a frame as servers do, without a mask.
func writeFrame(stream *bufio.Writer, first byte, payload []byte) error {
	head := []byte{first}
	switch {
	case len(payload) < 126:
		head = append(head, byte(len(payload)))
	case len(payload) < 1<<16:
		head = binary.BigEndian.AppendUint16(append(head, 126), uint16(len(payload)))
	default:
		head = binary.BigEndian.AppendUint64(append(head, 127), uint64(len(payload)))
	}
	stream.Write(head)
	stream.Write(payload)
	return stream.Flush() // reports the first error of the three
}
