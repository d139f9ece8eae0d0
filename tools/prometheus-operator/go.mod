module sluice.dev/tools/prometheus-operator

go 1.26.0

// Nothing of it is built: its definitions of kinds are files.
require github.com/prometheus-operator/prometheus-operator v0.85.0
