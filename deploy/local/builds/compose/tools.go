//go:build tools

// Package tools names the one command that is built here: docker compose, which checks a compose file without an engine.
package tools

import _ "github.com/docker/compose/v2/cmd"
