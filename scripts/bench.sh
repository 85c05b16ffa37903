#!/bin/sh
# Measures everything and writes bench/results.md and bench/plots. It takes about half an hour and wants the
# machine for itself. Arguments go to the program: -run REGEXP, -quick, -large, -profile DIR, -o FILE, ...
set -eu
cd "$(dirname "$0")/../bench"
go build -o bench.bin .
trap 'rm -f bench.bin' EXIT INT TERM
case " $* " in
*" -o "* | *" -run "* | *" -quick "* | *" -list "*) ./bench.bin "$@" ;; # a part of the table is not the table
*) ./bench.bin -o results.md -plots plots "$@" ;;
esac
