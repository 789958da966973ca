#!/bin/bash
# KIO by kioclient5: what Dolphin does.  Its workers keep standard output open
# after the end, so it writes to a file.
# seconds: 600
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"
need kioclient5 dbus-run-session curl

# KIO downloads nothing on a machine that is offline ("does not exist"), and the
# namespace of a test is. A pair of interfaces that leads nowhere will do.
if [ -z "$(ip route show default)" ]; then
	ip link add nowhere0 type veth peer name nowhere1 &&
		ip addr add 192.0.2.1/24 dev nowhere0 &&
		ip link set nowhere0 up && ip link set nowhere1 up &&
		ip route add default via 192.0.2.2 ||
		echo "no interface can be made: KIO may think it is offline"
fi

# Several words of kioclient5 in one session would hide which one failed.
k()
{
	QT_QPA_PLATFORM=offscreen KDE_FORK_SLAVES=1 QT_LOGGING_RULES='*=false' \
		dbus-run-session -- kioclient5 --noninteractive "$@" \
		>"$scratch/said" 2>"$scratch/complained" </dev/null && return
	cat "$scratch/complained"
	return 1
}

place()
{
	printf 'webdav://demo:%s@%s/dav/work/%s' "$app_password" "$host" \
		"$(encode "$1")"
}

# A local path as a URL, as KIO reads "#" and "%" in a plain path.
local_place()
{
	printf 'file://%s' "$(encode "$1")"
}

c_list()
{
	k ls "$(place "$1")" && grep -vxE '[.]{0,2}' "$scratch/said" || true
}

c_get()
{
	k --overwrite copy "$(place "$1")" "$(local_place "$2")"
}

c_put()
{
	k --overwrite copy "$(local_place "$1")" "$(place "$2")"
}

# There is no word for it; Dolphin's MKCOL is that of a copied folder.
c_mkdir()
{
	local empty=$scratch/empty/${1##*/}

	mkdir -p "$empty"
	k copy "$(local_place "$empty")" "$(place "$1")"
}

c_copy()
{
	k --overwrite copy "$(place "$1")" "$(place "$2")"
}

c_move()
{
	k --overwrite move "$(place "$1")" "$(place "$2")"
}

# KIO asks with "Overwrite: F" first and then the user, whatever its options
# say; without a user there is only the way of deleting first.
c_replace()
{
	c_delete "$2" && c_move "$1" "$2"
}

c_delete()
{
	k remove "$(place "$1")"
}

c_rmdir()
{
	k remove "$(place "$1")"
}

server_start
day
