package top

// For the tests of figures.
var (
	Short = short
	Whole = whole
	Bytes = size
	Span  = span
	Share = share
	Money = money
	Clean = clean
)
