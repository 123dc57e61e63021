// Package view holds the pure rules of what a replica of perfmon knows: the series, what was measured of them, who sends, and what was
// lost, all of it read from the log in its order. Questions are asked of it in two steps: Select takes out what a question needs, which is
// quick and must not run beside Apply, and what is selected can then be worked on for as long as it takes.
package view
