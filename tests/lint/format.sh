#!/bin/sh
# Every C file is as clang-format would write it. FORMAT=fix rewrites them.
set -eu
cd "$(dirname "$0")/../.."
command -v clang-format >/dev/null || {
	echo "tests/lint/format.sh:1: clang-format is not installed"
	exit 1
}
if [ "${FORMAT:-check}" = fix ]; then
	mode=-i
else
	mode="--dry-run -Werror"
fi
find server conf store auth dav tests contrib -name '*.[ch]' -print0 |
	xargs -0 -r -n 20 clang-format $mode --style=file
