# Every check that a change must pass, in the order in which failures are cheapest to find.
CHECKS = vet lint test fuzz-short demo

# How long make check fuzzes each target, and make fuzz.
FUZZTIME ?= 3s
FUZZLONG ?= 10m

.PHONY: check $(CHECKS) fuzz sim bench build

check: ## all of CHECKS, with a summary at the end
	@sh scripts/check.sh $(CHECKS)

build: ## the program, as ./peer
	go build -o peer ./cmd/peer

vet:
	go vet ./...

lint: ## staticcheck, at the version pinned in tools/go.mod
	cd tools && go build -o ../.bin/staticcheck honnef.co/go/tools/cmd/staticcheck
	.bin/staticcheck ./...

test: ## format, architecture and behavior, under the race detector
	go test -race ./...

fuzz-short: ## every fuzz target for a moment
	@FUZZTIME=$(FUZZTIME) sh scripts/fuzz.sh

fuzz: ## every fuzz target for long
	@FUZZTIME=$(FUZZLONG) sh scripts/fuzz.sh

bench: ## every benchmark
	go test -run '^$$' -bench . -benchmem ./...

demo: ## the tour as a smoke test
	go run ./cmd/peer demo

SEED  ?= 0
SEEDS ?= 20000

sim: ## random clusters, SEEDS of them from SEED on
	go test ./sim -count=1 -run TestStorm -v -timeout 0 -seed $(SEED) -seeds $(SEEDS)
