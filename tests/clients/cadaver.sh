#!/bin/bash
# cadaver (neon): commands by its shell; its exit status says nothing, so the
# words on its output count.  It also locks, sets a property and unlocks.
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"
need cadaver curl

# Runs one command of cadaver and wants "succeeded".
run()
{
	printf '%s\nquit\n' "$1" | cadaver "$url/" >"$scratch/said" 2>&1
	grep -q 'succeeded\.' "$scratch/said" &&
		! grep -q 'failed' "$scratch/said" && return
	cat "$scratch/said"
	return 1
}

# A word in cadaver's shell.
q()
{
	local text=${1//\\/\\\\}

	printf '"%s"' "${text//\"/\\\"}"
}

# "Coll:   NAME   0  Jan  1 10:00", the name padded with spaces; a sign
# before it tells an executable file.
c_list()
{
	printf 'ls %s\nquit\n' "${1:+$(q "$1/")}" | cadaver "$url/" >"$scratch/said"
	grep -qE 'succeeded|collection is empty' "$scratch/said" || return 1
	sed -nE 's/^(Coll:|     )  [ *](.*[^ ]) +[0-9]+  [A-Z][a-z]{2} +[0-9]+ +[0-9:]+$/\2/p' \
		"$scratch/said"
}

c_get()
{
	run "get $(q "$1") $(q "$2")"
}

c_put()
{
	run "put $(q "$1") $(q "$2")"
}

c_mkdir()
{
	run "mkcol $(q "$1/")"
}

c_copy()
{
	run "copy $(q "$1") $(q "$2")"
}

c_move()
{
	if [ ! -d "$want/$1" ]; then
		run "move $(q "$1") $(q "$2")"
	elif ! run "move $(q "$1/") $(q "$2/")"; then
		grep -q '^Error: Refusing to move collection' "$scratch/said" &&
			rename_by_members "$1" "$2"
	fi
}

# cadaver 0.26 moves a folder only into a folder that is there.
rename_by_members()
{
	local member

	c_mkdir "$2" || return 1
	for member in "$want/$1"/*; do
		member=$1/${member##*/}
		[ ! -d "$want/$member" ] || member+=/
		run "move $(q "$member") $(q "$2/")" || return 1
	done
	c_rmdir "$1"
}

c_delete()
{
	run "delete $(q "$1")"
}

c_rmdir()
{
	run "rmcol $(q "$1/")"
}

# One session: the lock is known only to the cadaver that took it.
lock_and_properties()
{
	step "lock, properties, unlock"
	samples_make
	[ "$(other PUT locked.txt -T "$samples/one")" = 201 ] ||
		fail "PUT by other"
	coproc session { exec cadaver "$url/" 2>&1; }
	exec 3>&"${session[1]}" 4<&"${session[0]}"
	echo 'lock locked.txt' >&3
	answer_of 'Locking.*succeeded'
	[ "$(other PUT locked.txt -T "$samples/one")" = 423 ] ||
		fail "another wrote to what cadaver has locked"
	printf 'propset locked.txt colour green\n' >&3
	answer_of 'Setting property.*succeeded'
	echo 'propget locked.txt colour' >&3
	answer_of 'Value of colour is: green'
	echo 'unlock locked.txt' >&3
	answer_of 'Unlocking.*succeeded'
	echo quit >&3
	exec 3>&- 4<&-
	wait "$session_PID"
	[ "$(other DELETE locked.txt)" = 204 ] || fail "DELETE by other"
}

# Reads until the line comes, or fails after ten seconds.
answer_of()
{
	local line

	while IFS= read -r -t 10 line <&4; do
		[[ $line =~ $1 ]] && return
	done
	fail "cadaver did not say: $1"
}

server_start
printf 'machine %s login demo password %s\n' "${host%:*}" "$app_password" \
	>"$HOME/.netrc"
chmod 600 "$HOME/.netrc"
lock_and_properties
day
