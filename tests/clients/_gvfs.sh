# What gvfs.sh and gvfs_fuse.sh share: a session bus of their own and the
# mounted cell.  Sourced before anything else.
# shellcheck shell=bash

if [ -z "${GVFS_BUS:-}" ]; then
	command -v dbus-run-session >/dev/null || {
		echo "dbus-run-session is not installed"
		exit 77
	}
	XDG_RUNTIME_DIR=$(mktemp -d) || exit 1
	export XDG_RUNTIME_DIR
	GVFS_BUS=yes dbus-run-session -- "$0"
	status=$?
	rm -rf --one-file-system "$XDG_RUNTIME_DIR"
	exit "$status"
fi
runtime=$XDG_RUNTIME_DIR
root=
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"
export XDG_RUNTIME_DIR=$runtime GIO_USE_VFS=gvfs GVFS_REMOTE_VOLUME_MONITOR_IGNORE=1
need gio curl

mount_cell()
{
	root=dav://demo@$host/dav/work
	printf '%s\n' "$app_password" | gio mount "$root/" >"$scratch/gio.log" ||
		fail "gio mount: $(cat "$scratch/gio.log")"
}

c_stop()
{
	[ -z "$root" ] || gio mount -u "$root/" 2>/dev/null || true
	if mountpoint -q "$runtime/gvfs"; then
		fusermount3 -u -z "$runtime/gvfs"
	fi
}
