#!/bin/bash
# The same day as curl.sh, over TLS.
TLS=yes exec "$(dirname "${BASH_SOURCE[0]}")/curl.sh"
