package main

import (
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"
)

// newLogger returns the node's log, on standard error.
func newLogger(f serveFlags) (zerolog.Logger, error) {
	level := zerolog.Disabled
	if f.logLevel != "off" {
		var err error
		if level, err = zerolog.ParseLevel(f.logLevel); err != nil || f.logLevel == "" {
			return zerolog.Nop(), usage("--log-level %q is none of debug, info, warn, error, off", f.logLevel).Now("not started").Then("peer serve --help")
		}
	}
	terminal := isatty.IsTerminal(os.Stderr.Fd())
	switch {
	case f.logFormat == "text", f.logFormat == "auto" && terminal:
		out := zerolog.ConsoleWriter{Out: os.Stderr, TimeFormat: time.TimeOnly, NoColor: os.Getenv("NO_COLOR") != "" || !terminal}
		return zerolog.New(out).Level(level).With().Timestamp().Logger(), nil
	case f.logFormat == "json", f.logFormat == "auto":
		return zerolog.New(os.Stderr).Level(level).With().Timestamp().Logger(), nil
	}
	return zerolog.Nop(), usage("--log-format %q is none of text, json, auto", f.logFormat).Now("not started").Then("peer serve --help")
}
