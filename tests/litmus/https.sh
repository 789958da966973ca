#!/bin/bash
# litmus 0.13, all suites, over TLS: all pass, no warning.
TLS=yes
source "$(dirname "${BASH_SOURCE[0]}")/../clients/_common.sh"
source "$(dirname "${BASH_SOURCE[0]}")/_litmus.sh"
run_litmus
