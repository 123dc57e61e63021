//go:build unix && !linux

package main

import "syscall"

// runAttr gives a command a group of its own if it is to run apart.
func runAttr(apart bool) *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: apart} }
