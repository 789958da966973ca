#!/bin/sh
# Short form of tests/fuzz/differential: 10 000 mutated messages, and a control:
# a decoder that is made lax is caught. The whole is tests/fuzz/differential.
# seconds: 200
set -u
top=${TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
"$top/tests/fuzz/differential" --count 10000 --show 5 || exit
if "$top/tests/fuzz/differential" --count 10000 --show 0 --mutant >/dev/null
then
	echo "control: a lax decoder was not caught"
	exit 1
fi
echo "control: a lax decoder was caught"
