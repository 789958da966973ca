#!/bin/bash
# rclone, vendor "other": the day, then sync in both directions, each followed
# by `rclone check` with the bytes themselves compared.
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"
need rclone curl openssl

r()
{
	rclone --config /dev/null --webdav-url "$url" --webdav-vendor other \
		--webdav-user demo --webdav-pass "$obscured" \
		"${authority[@]}" --retries 1 --low-level-retries 1 "$@"
}

c_list()
{
	r lsf ":webdav:$1" | sed 's,/$,,'
}

c_get()
{
	r copyto ":webdav:$1" "$2"
}

# Times are not kept by this vendor, so rclone would skip an upload of the
# same size without -I.
c_put()
{
	r copyto -I "$1" ":webdav:$2"
}

c_mkdir()
{
	r mkdir ":webdav:$1"
}

c_copy()
{
	r copyto ":webdav:$1" ":webdav:$2"
}

c_move()
{
	if [ -d "$want/$1" ]; then
		r move ":webdav:$1" ":webdav:$2"
	else
		r moveto -I ":webdav:$1" ":webdav:$2"
	fi
}

c_delete()
{
	r deletefile ":webdav:$1"
}

c_rmdir()
{
	r purge ":webdav:$1"
}

# Local to remote, remote to another folder, with changes in between.
sync_both_ways()
{
	local from=$scratch/sync/from to=$scratch/sync/to name

	step "sync both ways"
	mkdir -p "$from/deep/er" "$to"
	for name in "${names[@]}"; do
		printf 'sync %s\n' "$name" >"$from/deep/$name"
	done
	cp "$samples/four-k" "$from/deep/er/four-k"
	cp "$samples/five-k" "$from/replaced"
	r sync "$from" :webdav:synced
	r check --download "$from" :webdav:synced
	rm "$from/deep/${names[1]}"
	cp "$samples/four-k" "$from/replaced"
	mv "$from/deep/er" "$from/deeper"
	r sync "$from" :webdav:synced
	r check --download "$from" :webdav:synced
	r sync :webdav:synced "$to"
	r check --download :webdav:synced "$to"
	diff <(tree_sums "$from") <(tree_sums "$to")
	other_put_new synced/deep/by-other "$samples/five-k"
	r sync :webdav:synced "$to"
	r check --download :webdav:synced "$to"
	[ "$(sum "$to/deep/by-other")" = "$(sum "$samples/five-k")" ] ||
		fail "what the other wrote did not come down"
	r purge :webdav:synced
}

other_put_new()
{
	[ "$(other PUT "$1" -T "$2")" = 201 ] || fail "PUT of $1 by other"
}

server_start
obscured=$(rclone obscure "$app_password")
authority=()
if [ -n "${TLS:-}" ]; then
	authority=(--ca-cert "$scratch/tls.crt")
fi
samples_make
sync_both_ways
day
