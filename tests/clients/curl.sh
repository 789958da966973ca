#!/bin/bash
# curl: each method by hand, uploads with Content-Length (and Expect), from a
# pipe (chunked), and a download in two pieces.
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"
need curl openssl python3

# c METHOD PATH [ARGUMENT...]: fails on any status from 400 up.
c()
{
	local method=$1 path=$2

	shift 2
	curl -sS --fail "${trust[@]}" -u "demo:$app_password" -X "$method" \
		"$@" "$url/$(encode "$path")"
}

c_list()
{
	c PROPFIND "$1" -H 'Depth: 1' >"$scratch/list.xml"
	python3 - "$scratch/list.xml" <<-'END'
	import sys, urllib.parse, xml.etree.ElementTree as tree
	paths = [urllib.parse.unquote(href.text) for href in
	         tree.parse(sys.argv[1]).iterfind("{DAV:}response/{DAV:}href")]
	for path in paths[1:]:
	    print(path.rstrip("/").rpartition("/")[2])
	END
}

# The second half first: open ranges are what resuming clients send.
c_get()
{
	local size half

	size=$(c HEAD "$1" --head | tr -d '\r' |
		sed -n 's/^content-length: //Ip')
	if [ "$size" -lt 2 ]; then
		c GET "$1" -o "$2"
		return
	fi
	half=$((size / 2))
	c GET "$1" -r "$half-" -o "$scratch/tail"
	c GET "$1" -r "0-$((half - 1))" -o "$2"
	cat "$scratch/tail" >>"$2"
	rm "$scratch/tail"
}

puts=0
c_put()
{
	if [ $((puts++ % 2)) = 0 ]; then
		c PUT "$2" -T "$1" -o /dev/null
	else
		c PUT "$2" -T - <"$1" -o /dev/null
	fi
}

c_mkdir()
{
	c MKCOL "$1" -o "$scratch/said"
}

c_copy()
{
	c COPY "$1" -o "$scratch/said" -H "Destination: $url/$(encode "$2")"
}

# An absolute path is a Destination, too (RFC 4918 10.3).
c_move()
{
	c MOVE "$1" -o "$scratch/said" -H "Destination: /dav/work/$(encode "$2")" \
		-H 'Overwrite: T'
}

c_delete()
{
	c DELETE "$1" -o "$scratch/said"
}

c_rmdir()
{
	c DELETE "$1/" -o "$scratch/said"
}

server_start
day
