#!/bin/bash
# gvfs by `gio`: what GNOME Files does.
# seconds: 600
source "$(dirname "${BASH_SOURCE[0]}")/_gvfs.sh"

place()
{
	printf '%s/%s' "$root" "$(encode "$1")"
}

c_list()
{
	gio list -h "$(place "$1")/"
}

c_get()
{
	gio copy "$(place "$1")" "$2"
}

c_put()
{
	gio copy "$1" "$(place "$2")"
}

c_mkdir()
{
	gio mkdir "$(place "$1")"
}

c_copy()
{
	gio copy "$(place "$1")" "$(place "$2")"
}

# Within a folder GNOME Files renames by the display name.
c_move()
{
	if [ "$(dirname "$1")" = "$(dirname "$2")" ] && [ ! -e "$want/$2" ]; then
		gio rename "$(place "$1")" "$(basename "$2")" >/dev/null
	else
		gio move "$(place "$1")" "$(place "$2")"
	fi
}

c_delete()
{
	gio remove "$(place "$1")"
}

# gio removes only what is empty; a file manager walks the tree as this does.
c_rmdir()
{
	local name

	gio list -h -a standard::type "$(place "$1")/" >"$scratch/walk"
	while IFS=$'\t' read -r name _ kind _; do
		[ "$kind" = '(directory)' ] || gio remove "$(place "$1/$name")"
	done <"$scratch/walk"
	gio remove "$(place "$1")"
}

server_start
mount_cell
day
