#!/bin/bash
# Real input: the machine's own documentation goes in by `cell import` while
# the server runs, and rclone compares every byte of it over the wire.
# REAL_INPUT names another folder.
# seconds: 900
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"
need rclone curl
input=${REAL_INPUT:-/usr/share/doc}

r()
{
	rclone --config /dev/null --webdav-url "$origin/dav/docs" \
		--webdav-vendor other --webdav-user demo \
		--webdav-pass "$obscured" "$@"
}

# Import takes regular files and folders; it says what else it saw.
count()
{
	find "$input" -mindepth 1 -type "$1" | wc -l
}

import()
{
	local links since=$SECONDS

	cli cell create docs --owner demo
	cli cell import docs "$input" >"$scratch/import.log" 2>&1 || {
		tail -n 20 "$scratch/import.log"
		fail "the import ended with an error"
	}
	echo "imported $(count f) files, $(count d) folders" \
		"in $((SECONDS - since)) s"
	links=$(count l)
	if [ "$links" != 0 ]; then
		tr '\r' '\n' <"$scratch/import.log" | grep -qw "$links" ||
			fail "the import does not say that it skipped $links links"
	fi
}

# Both directions: a file on one side only is a difference, too.
compare()
{
	step "rclone check, every byte"
	r check --download --skip-links --checkers 8 "$input" :webdav: \
		>"$scratch/check.log" 2>&1 || {
		tail -n 20 "$scratch/check.log"
		fail "rclone check found differences"
	}
	tail -n 3 "$scratch/check.log"
	step "names, those of empty folders too"
	r lsf -R :webdav: | sort >"$scratch/names"
	diff <(find "$input" -mindepth 1 \( -type f -printf '%P\n' -o \
		-type d -printf '%P/\n' \) | sort) "$scratch/names" ||
		fail "the names differ"
}

server_start
obscured=$(rclone obscure "$app_password")
step "import of $input"
import
compare
step "verify, while serving and after"
cli verify || fail "verify found a fault while the server runs"
server_stop
