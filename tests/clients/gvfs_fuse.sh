#!/bin/bash
# gvfs by its FUSE view: what programs that know no gvfs see of a mounted cell.
# seconds: 600
source "$(dirname "${BASH_SOURCE[0]}")/_gvfs.sh"
need fusermount3

fuse_view()
{
	local daemon i

	for daemon in /usr/libexec/gvfsd-fuse /usr/lib/gvfs/gvfsd-fuse; do
		[ -x "$daemon" ] && break
	done
	[ -x "$daemon" ] || fail "gvfsd-fuse is not installed"
	mkdir -p "$runtime/gvfs"
	mountpoint -q "$runtime/gvfs" || "$daemon" "$runtime/gvfs" -f &
	view=$(gio info "$root/" | sed -n 's/^local path: //p')
	for ((i = 0; i < 100; i++)); do
		[ -d "$view" ] && return
		sleep 0.1
	done
	fail "the FUSE view shows no mount"
}

c_list()
{
	ls -A "$view/$1"
}

c_get()
{
	cp "$view/$1" "$2"
}

c_put()
{
	cp "$1" "$view/$2" && settle "$2" "$1"
}

c_mkdir()
{
	mkdir "$view/$1"
}

c_copy()
{
	cp "$view/$1" "$view/$2" && settle "$2" "$want/$1"
}

c_move()
{
	mv -T "$view/$1" "$view/$2"
}

c_delete()
{
	rm "$view/$1"
}

c_rmdir()
{
	rm -r "${view:?}/$1"
}

server_start
mount_cell
fuse_view
day
