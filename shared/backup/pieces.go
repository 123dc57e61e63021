package backup

import (
	"bufio"
	"io"
)

const (
	// blockBytes is how much of a stream is compressed at a time.
	blockBytes = 256 << 10
	// pieceBlocks is how many blocks a piece has at most.
	pieceBlocks = 4
	blockHead   = 4 // bytes before a block, or what else is in its place: a kind and a length, of 24 bits (S2 and Snappy, framing format)
)

// pieces cuts what a compressor wrote into messages for the server. Each has at most pieceBlocks blocks: a message is acknowledged once all that
// is in it is stored, and the server takes a sender for dead that it has not heard for 5 seconds, while a quarter of a megabyte of zeros that are
// compressed can be a gigabyte.
type pieces struct {
	r    *bufio.Reader
	left int // bytes of a block that has begun
}

func newPieces(r io.Reader) *pieces { return &pieces{r: bufio.NewReader(r)} }

// next fills buf with the next piece, and returns its size; io.EOF at the end, with nothing. What is no block is passed on as it is: the server
// says what is wrong with it.
func (p *pieces) next(buf []byte) (n int, err error) {
	for blocks := 0; n < len(buf); {
		if p.left == 0 {
			if blocks++; blocks > pieceBlocks {
				return n, nil
			}
			p.left = blockHead
			if h, _ := p.r.Peek(blockHead); len(h) == blockHead {
				p.left += int(h[1]) | int(h[2])<<8 | int(h[3])<<16
			}
		}
		m, err := io.ReadFull(p.r, buf[n:min(len(buf), n+p.left)])
		n, p.left = n+m, p.left-m
		switch {
		case err == nil:
		case n > 0 && (err == io.EOF || err == io.ErrUnexpectedEOF):
			return n, nil
		default:
			return 0, err
		}
	}
	return n, nil
}
