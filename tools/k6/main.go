// The load generator: k6 with one module more, `k6/x/sse`, as it cannot read an event stream by itself. A main of one's own is
// how k6 is meant to be extended; see sse.go for what the module does.
package main

import (
	"go.k6.io/k6/cmd"
	"go.k6.io/k6/js/modules"
)

func init() {
	modules.Register("k6/x/sse", new(root))
}

func main() {
	cmd.Execute()
}
