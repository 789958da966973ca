#!/bin/bash
# A real full disk (a small tmpfs): PUT is 507 and leaves nothing, the old
# content stays, DELETE and emptying the trash still work, and then PUT does.
set -u
[ "$(id -u)" -eq 0 ] || { echo "needs root to mount a tmpfs"; exit 77; }
scratch=${SCRATCH:-$(mktemp -d)}
celldav=${CELLDAV:?the program to test}
state=$scratch/small
mkdir -p "$state"
mount -t tmpfs -o size=48m none "$state" || { echo "cannot mount a tmpfs"; exit 77; }
server=
finish() {
	[ -n "$server" ] && kill "$server" 2>/dev/null && wait "$server"
	umount "$state"
}
trap finish EXIT
fail() { echo "FAILED: $*"; tail -5 "$scratch/err"; exit 1; }

echo secret >"$scratch/password"
"$celldav" init --dir "$state/run" --listen 127.0.0.1:0 --admin root \
    --password-file "$scratch/password" >/dev/null || fail init
conf=$state/run/celldav.conf
cat >"$conf" <<END
listen = {"127.0.0.1:0"}
store { path = "state"  reserve = "4M" }
admin { listen = "" }
log { access = "off" }
END
export CELLDAV_CONFIG=$conf
"$celldav" user add alice --password-file "$scratch/password" || fail user
"$celldav" cell create a --owner alice || fail cell
"$celldav" serve >"$scratch/out" 2>"$scratch/err" &
server=$!
for _ in $(seq 100); do
	url=$(sed -n 's/^ready: //p' "$scratch/out")
	[ -n "$url" ] && break
	sleep 0.1
done
[ -n "$url" ] || fail "no ready line"

dav() { curl -s -o "$scratch/body" -w '%{http_code}' -u alice:secret "$@"; }
head -c 4096 /dev/urandom >"$scratch/old"
[ "$(dav -T "$scratch/old" "${url}dav/a/keep")" = 201 ] || fail "first PUT"
head -c 3000000 /dev/urandom >"$scratch/big"
full=
for i in $(seq 40); do
	status=$(dav -T "$scratch/big" "${url}dav/a/big$i")
	[ "$status" = 507 ] && { full=$i; break; }
	[ "$status" = 201 ] || fail "PUT big$i: $status"
done
[ -n "$full" ] || fail "the disk never got full"
echo "full after $full files of 3 MB"
[ "$(dav "${url}dav/a/big$full")" = 404 ] || fail "half of a file is there"
status=$(dav -T "$scratch/big" "${url}dav/a/keep")
[ "$status" = 507 ] || fail "overwriting on a full disk: $status"
[ "$(dav "${url}dav/a/keep")" = 200 ] && cmp -s "$scratch/body" "$scratch/old" ||
    fail "the old content is gone"
# Small contents until the engine has no page left either.
for i in $(seq 20000); do
	status=$(dav -T "$scratch/old" "${url}dav/a/small$i")
	[ "$status" = 507 ] && break
	[ "$status" = 201 ] || fail "PUT small$i: $status"
done
[ "$status" = 507 ] || fail "small files never met the full disk"
echo "and after $i files of 4 KB"
for i in 1 2 3; do
	status=$(dav -X DELETE "${url}dav/a/big$i")
	[ "$status" = 204 ] || fail "DELETE on a full disk: $status"
done
"$celldav" trash empty a || fail "trash empty on a full disk"
for _ in $(seq 100); do
	status=$(dav -T "$scratch/big" "${url}dav/a/again")
	[ "$status" = 201 ] && break
	sleep 0.2
done
[ "$status" = 201 ] || fail "PUT after making room: $status"
"$celldav" verify || fail verify
[ "$(dav "${url}dav/a/again")" = 200 ] && cmp -s "$scratch/body" "$scratch/big" ||
    fail "what was stored after making room is wrong"
echo "room came back"
