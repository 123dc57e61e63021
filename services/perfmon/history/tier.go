package history

const (
	ten    = 10 // seconds that are folded before a minute is made of them: a fold of six costs less than one of sixty
	minute = 60
)

// Tier remembers one set of series: the parts of the second that goes on, the seconds before it, and the minutes before those.
type Tier struct {
	open    []*Block // of the second that goes on
	second  int64    // that goes on; 0 before there was any
	seconds *Ring
	loose   []*Block // seconds that are not in tens yet
	tens    []*Block // that are not in a minute yet
	minutes *Ring
	// begun is from when on all seconds have come: a minute that began before is not whole.
	begun int64
}

// Bounds are those of a tier.
type Bounds struct {
	SecondBytes, MinuteBytes int64
	SecondAge, MinuteAge     int64 // seconds
}

// NewTier returns an empty tier.
func NewTier(b Bounds) *Tier {
	return &Tier{seconds: NewRing(b.SecondBytes, b.SecondAge), minutes: NewRing(b.MinuteBytes, b.MinuteAge)}
}

// Begin says that there was nothing before, in Unix seconds.
func (t *Tier) Begin(at int64) {
	t.begun = at
	t.seconds.Begin(at)
	t.minutes.Begin(at)
}

// Add takes what has come within a second, in Unix seconds. Time does not go back: what is of an earlier second counts for the one that
// goes on.
func (t *Tier) Add(second int64, b *Block) {
	if second > t.second {
		t.Advance(second)
	}
	b.From, b.To = t.second, t.second+1
	t.open = append(t.open, b)
}

// Advance ends the seconds before one.
func (t *Tier) Advance(second int64) {
	if second <= t.second {
		return
	}
	if len(t.open) > 0 {
		sealed := Fold(t.second, t.second+1, t.open)
		t.seconds.Add(sealed)
		t.loose = append(t.loose, sealed)
		t.open = nil
	}
	if t.second > 0 && second/ten != t.second/ten && len(t.loose) > 0 {
		from := t.second - t.second%ten
		t.tens = append(t.tens, Fold(from, from+ten, t.loose))
		t.loose = nil
	}
	if t.second > 0 && second/minute != t.second/minute && len(t.tens) > 0 {
		from := t.second - t.second%minute
		t.AddMinute(Fold(from, from+minute, t.tens))
		t.tens = nil
	}
	t.second = second
}

// AddMinute adds a minute that was remembered elsewhere, and tells whether there was a place for it: minutes come in their order, and the
// first of several counts.
func (t *Tier) AddMinute(b *Block) bool { return t.minutes.Add(b) }

// Minute returns a minute, by its first second, or nil, and whether all of its seconds have come.
func (t *Tier) Minute(from int64) (b *Block, whole bool) {
	return t.minutes.Find(from), t.begun > 0 && t.begun <= from
}

// LastMinute returns when the newest minute ends, in Unix seconds; 0 if there is none.
func (t *Tier) LastMinute() int64 { return t.minutes.Newest() }

// Bytes returns what the blocks take in memory.
func (t *Tier) Bytes() int64 {
	n := t.seconds.Bytes() + t.minutes.Bytes()
	for _, list := range [][]*Block{t.open, t.tens} { // loose ones are in the ring
		for _, b := range list {
			n += b.Bytes()
		}
	}
	return n
}

// Since returns from when on there are seconds, and minutes; Unix seconds, 0 if there are none.
func (t *Tier) Since() (seconds, minutes int64) { return t.seconds.Since(), t.minutes.Since() }
