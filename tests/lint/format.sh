#!/bin/sh
# Every C file is as clang-format would write it. FORMAT=fix rewrites them.
# Versions differ in what they write; Debian 12 and 13 both have this one.
set -eu
format=clang-format-19
cd "$(dirname "$0")/../.."
command -v $format >/dev/null || {
	echo "tests/lint/format.sh:1: $format is not installed"
	exit 1
}
if [ "${FORMAT:-check}" = fix ]; then
	mode=-i
else
	mode="--dry-run -Werror"
fi
find server conf store auth dav tests contrib -name '*.[ch]' -print0 |
	xargs -0 -r -n 20 $format $mode --style=file
