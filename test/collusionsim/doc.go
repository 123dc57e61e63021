// Package collusionsim measures how often the screens of services/economics/screen err, on simulated honest agents and on simulated
// rings. Everything is drawn from seeds, so that each run measures the same; the tests hold the rates below to what was
// measured, with a little room.
package collusionsim
