#!/bin/bash
# The same day as rclone.sh, over TLS.
TLS=yes exec "$(dirname "${BASH_SOURCE[0]}")/rclone.sh"
