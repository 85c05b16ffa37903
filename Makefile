# Every check that a change must pass, in the order in which failures are cheapest to find.
CHECKS = vet lint test modules fuzz-short chaos-short demo

# How long make check fuzzes each target, and make fuzz.
FUZZTIME ?= 2s
FUZZLONG ?= 10m

# The modules inside this one, which keep what they need out of its go.mod.
MODULES = directory/etcd chaos bench

.PHONY: check $(CHECKS) fuzz sim sim-long mutants bench bench-go bench-compare chaos model build

check: ## all of CHECKS, with a summary at the end
	@sh scripts/check.sh $(CHECKS)

# Not as ./peer: that is the folder of a package, into which go build would put the program.
build: ## the program, as bin/peer
	go build -o bin/peer ./cmd/peer

vet:
	go vet ./...

lint: ## staticcheck, at the version pinned in tools/go.mod
	cd tools && go build -o ../.bin/staticcheck honnef.co/go/tools/cmd/staticcheck
	.bin/staticcheck ./...

# The simulator runs what the race detector has nothing to say about, a great deal of it.
test: ## format, architecture and behavior, under the race detector; the simulator without it
	go test -race $$(go list ./... | grep -v '/sim$$')
	go test ./sim
	go test -tags mutants ./sim/mutants -run TestAnchors

modules: ## the same for the modules inside this one
	@for m in $(MODULES); do (cd $$m && go vet ./... && go test ./...) || exit 1; done

fuzz-short: ## every fuzz target for a moment
	@FUZZTIME=$(FUZZTIME) sh scripts/fuzz.sh

fuzz: ## every fuzz target for long
	@FUZZTIME=$(FUZZLONG) sh scripts/fuzz.sh

bench: ## the table of ratios and its plots, in bench/
	sh scripts/bench.sh

bench-go: ## every benchmark beside the code
	go test -run '^$$' -bench . -benchmem ./...

bench-compare: ## those of REF against those of the work tree
	sh scripts/bench-compare.sh $(REF)

model: ## the cutover in every state within small bounds, and every planted mistake
	@sh scripts/model.sh short

chaos-short: ## real processes, killed and cut off, for a moment
	@RUNS=2 KILLS=30 sh scripts/chaos.sh

chaos: ## and for long
	@RUNS=200 KILLS=500 sh scripts/chaos.sh

demo: ## the tour as a smoke test
	go run ./cmd/peer demo

SEED  ?= 0
SEEDS ?= 20000
LONGSEEDS ?= 1000000

sim: ## random clusters, SEEDS of them from SEED on; with SHRINK=1 the storm of SEED, which fails, as a short script
	go test ./sim -count=1 -v -timeout 0 -seed $(SEED) $(if $(SHRINK),-run TestShrinkSeed -shrink,-run TestStorm -seeds $(SEEDS))

sim-long: ## a million of them on every core, with a line a minute
	go test ./sim -count=1 -run TestStorm -v -timeout 0 -seed $(SEED) -seeds $(LONGSEEDS) -every 1m

mutants: ## every planted mistake must be found by the simulator; ONLY='name|name' tries some
	go test -tags mutants ./sim/mutants -count=1 -v -timeout 0 -only '$(or $(ONLY),.)'
