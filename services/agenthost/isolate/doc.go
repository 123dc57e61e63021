// Package isolate keeps processes apart: each in a process group of its own, with all that it starts within bounds of memory
// and processor time, and gone as a whole when it is to end.
//
// On Linux the bounds are those of a control group (cgroup v2) where the host may make one with the controllers. Elsewhere on
// Linux the host looks at the memory every few milliseconds and ends what is over, and keeps the processor time down to whole
// processors. Process.Enforced tells which it is. On other systems bounds are refused, never pretended.
package isolate
