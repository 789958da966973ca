#!/bin/bash
# davfs2: the cell as a file system, with locks, used by cp, mv and rm, and by
# an editor's way to save.  Mounting needs root.
# seconds: 600
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"
need mount.davfs curl fusermount3
mount=$scratch/mnt

as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

c_stop()
{
	if mountpoint -q "$mount"; then
		as_root umount "$mount" || as_root umount -l "$mount"
	fi
}

# buf_size: newer kernels refuse directory reads in pieces of 16 KiB.  The
# refresh times make the work of others visible at once.
mount_cell()
{
	mkdir -p "$mount" "$scratch/cache"
	chmod 755 "$scratch"
	chmod 777 "$scratch/cache"
	printf '%s demo %s\n' "$url/" "$app_password" >"$scratch/secrets"
	chmod 600 "$scratch/secrets"
	cat >"$scratch/davfs2.conf" <<-END
	ask_auth 0
	use_locks 1
	delay_upload 0
	buf_size 256
	dir_refresh 0
	file_refresh 0
	cache_dir $scratch/cache
	secrets $scratch/secrets
	END
	as_root mount -t davfs -o "conf=$scratch/davfs2.conf,uid=$(id -u)" \
		"$url/" "$mount" </dev/null
}

# What it knows of a folder or file it believes to the end of the second.
c_notice()
{
	sleep 2
}

c_list()
{
	ls -A "$mount/$1" | grep -vx lost+found || true
}

c_get()
{
	cp "$mount/$1" "$2"
}

c_put()
{
	cp "$1" "$mount/$2" && settle "$2" "$1"
}

c_mkdir()
{
	mkdir "$mount/$1"
}

c_copy()
{
	cp "$mount/$1" "$mount/$2" && settle "$2" "$want/$1"
}

c_move()
{
	mv -T "$mount/$1" "$mount/$2"
}

c_delete()
{
	rm "$mount/$1"
}

c_rmdir()
{
	rm -r "${mount:?}/$1"
}

# Editors write beside the file, keep the old one as a backup, append.
editor()
{
	step "an editor's way to save"
	printf 'first\n' >"$mount/note.txt"
	settle note.txt "$mount/note.txt"
	chmod u+x "$mount/note.txt"
	printf 'first\nsecond\n' >"$mount/note.txt.new"
	mv "$mount/note.txt" "$mount/note.txt~"
	mv "$mount/note.txt.new" "$mount/note.txt"
	printf 'third\n' >>"$mount/note.txt"
	settle note.txt "$mount/note.txt"
	[ "$(other GET note.txt)" = 200 ] || fail "note.txt is not there"
	[ "$(cat "$scratch/answer")" = "$(printf 'first\nsecond\nthird')" ] ||
		fail "note.txt holds: $(cat "$scratch/answer")"
	rm "$mount/note.txt" "$mount/note.txt~"
	check_gone note.txt
}

server_start
mount_cell
editor
day
