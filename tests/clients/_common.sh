# Sourced by each client script: starts a server with a cell, holds a model of
# what the cell must contain, and compares the two.
#
# A client script defines the eight verbs below for its client and calls
# `day`.  Remote paths are relative to the cell, not encoded, without a slash
# at either end; "" is the cell itself.
#
#   c_list DIR        c_get REMOTE LOCAL    c_put LOCAL REMOTE
#   c_mkdir DIR       c_copy FROM TO        c_move FROM TO
#   c_delete FILE     c_rmdir DIR (with all that is in it)
#
# It may define c_stop, which runs at the end however the script ends,
# c_notice, which runs after somebody else has changed something, and
# c_replace, the client's way to move a file onto another one.
# The user `demo` (app password in $app_password) owns the cell and is the
# client; `other` looks at the same cell through curl.  Both directions are
# compared by SHA-256: what the client writes is read by curl and found in an
# export to disk; what curl writes is read by the client.
# shellcheck shell=bash

set -Eeu -o pipefail
export LC_ALL=C.UTF-8

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=${TOP:-$(cd "$here/../.." && pwd)}
celldav=${CELLDAV:-$top/build/release/celldav}
scratch_made=
if [ -z "${SCRATCH:-}" ]; then
	SCRATCH=$(mktemp -d)
	chmod 755 "$SCRATCH"
	scratch_made=yes
fi
scratch=$SCRATCH
server=
server_dir=$scratch/server
want=$scratch/want
password="pass word-$$"
trust=()

# Clients keep their settings and caches here, never in the real home.
export HOME=$scratch/home
export XDG_CONFIG_HOME=$HOME/.config XDG_CACHE_HOME=$HOME/.cache
export XDG_DATA_HOME=$HOME/.local/share XDG_RUNTIME_DIR=$scratch/runtime
mkdir -p "$HOME" "$XDG_CONFIG_HOME" "$XDG_CACHE_HOME" "$XDG_DATA_HOME" "$want"
mkdir -p -m 0700 "$XDG_RUNTIME_DIR"

fail()
{
	trap - ERR
	echo "failed: $*" >&2
	exit 1
}

step()
{
	printf -- '-- %4d s: %s\n' "$SECONDS" "$*"
}

# Ends the script as skipped where one of the programs is missing.
need()
{
	local program

	for program; do
		command -v "$program" >/dev/null && continue
		echo "$program is not installed"
		exit 77
	done
}

c_stop()
{
	:
}

c_notice()
{
	:
}

c_replace()
{
	c_move "$@"
}

# ---- the server ----

cli()
{
	"$celldav" -c "$server_dir/celldav.conf" "$@"
}

# Every key has a default that works, so the file names only what must not
# collide with another test, and TLS where the test wants it.
conf_write()
{
	local listen=127.0.0.1:0

	if [ -n "${TLS:-}" ]; then
		listen=tls://127.0.0.1:0
		certificate_make
	fi
	{
		echo "listen = {\"$listen\"}"
		echo 'admin { listen = "127.0.0.1:0" }'
		if [ -n "${TLS:-}" ]; then
			echo "tls { certificate = \"$scratch/tls.crt\""
			echo "      key = \"$scratch/tls.key\" }"
		fi
	} >"$server_dir/celldav.conf"
}

certificate_make()
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-days 2 -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
		-keyout "$scratch/tls.key" -out "$scratch/tls.crt" \
		2>"$scratch/openssl.log"
	trust=(--cacert "$scratch/tls.crt")
}

# Sets $url (of the cell, no slash at the end), $origin and $app_password.
server_start()
{
	local i

	printf '%s\n' "$password" >"$scratch/password"
	"$celldav" init --dir "$server_dir" --listen 127.0.0.1:0 --admin root \
		--password-file "$scratch/password" >"$scratch/init.log"
	conf_write
	cli user add demo --password-file "$scratch/password"
	cli user add other --password-file "$scratch/password"
	cli cell create work --owner demo
	cli grant set work user:other contributor
	app_password=$(cli app-password add demo --label "a client")
	: >"$scratch/ready"
	"$celldav" -c "$server_dir/celldav.conf" serve \
		>"$scratch/ready" 2>"$scratch/server.log" &
	server=$!
	for ((i = 0; i < 600; i++)); do
		origin=$(sed -n 's/^ready: \(.*\)\/$/\1/p' "$scratch/ready")
		[ -z "$origin" ] || break
		kill -0 "$server" 2>/dev/null || fail "the server ended"
		sleep 0.1
	done
	[ -n "$origin" ] || fail "the server said no ready line"
	url=$origin/dav/work
	host=${origin#*://}
}

# SIGTERM drains and ends 0; the store must be sound afterwards.
server_stop()
{
	local pid=$server

	server=
	kill -TERM "$pid"
	wait "$pid" || fail "the server ended with $?"
	cli verify || fail "verify found a fault"
}

finish()
{
	local status=$? pid=$server

	trap - EXIT ERR
	set +e
	if [ "$status" != 0 ] && [ "$status" != 77 ] &&
	    [ -s "$scratch/server.log" ]; then
		echo "-- the last lines of the server's log:"
		tail -n 6 "$scratch/server.log" | cut -c -200
	fi
	c_stop
	if [ -n "$pid" ]; then
		kill -TERM "$pid" 2>/dev/null
		wait "$pid"
	fi
	if [ -n "$scratch_made" ]; then
		# A desktop's background programs may still write their last.
		rm -rf --one-file-system "$scratch" 2>/dev/null ||
			{ sleep 2 && rm -rf --one-file-system "$scratch"; }
	fi
	exit "$status"
}
trap finish EXIT
trap 'echo "line $LINENO of ${BASH_SOURCE[0]##*/}: $BASH_COMMAND" >&2' ERR
trap 'exit 143' TERM
trap 'exit 130' INT

# ---- the other user, by curl ----

# Percent-encodes all but unreserved characters and the slash.
encode()
{
	local LC_ALL=C text=$1 out='' c i code

	for ((i = 0; i < ${#text}; i++)); do
		c=${text:i:1}
		case $c in
		[A-Za-z0-9._~/-]) ;;
		*)	printf -v code %d "'$c"
			printf -v c %%%02X $((code & 255)) ;;
		esac
		out+=$c
	done
	printf %s "$out"
}

# other METHOD PATH [CURL-ARGUMENT...]: the body goes to $scratch/answer, the
# status to standard output.
other()
{
	local method=$1 path=$2

	shift 2
	curl -sS "${trust[@]}" -u "other:$password" -X "$method" \
		-o "$scratch/answer" -w '%{http_code}' "$@" \
		"$url/$(encode "$path")"
}

other_put()
{
	local status

	status=$(other PUT "$2" -T "$1")
	[[ $status == 20[14] ]] || fail "PUT of $2 by other: $status"
	cp "$1" "$want/$2"
	c_notice
}

sum()
{
	sha256sum <"$1" | cut -d ' ' -f 1
}

# What curl reads must be what the model holds.
check_file()
{
	local got

	got=$(curl -sS --fail "${trust[@]}" -u "other:$password" \
		"$url/$(encode "$1")" | sha256sum | cut -d ' ' -f 1) ||
		fail "other cannot read $1"
	[ "$got" = "$(sum "$want/$1")" ] || fail "$1 holds other bytes"
}

check_gone()
{
	local status

	status=$(other GET "$1")
	[ "$status" = 404 ] || fail "$1 should be gone, GET says $status"
}

# settle PATH FILE: waits until curl reads what FILE holds, for clients that
# upload after the close.
settle()
{
	local i size

	for ((i = 0; i < 300; i++)); do
		size=$(curl -sS --head "${trust[@]}" -u "other:$password" \
			"$url/$(encode "$1")" | tr -d '\r' |
			sed -n 's/^content-length: //Ip')
		if [ "$size" = "$(stat -c %s "$2")" ] &&
		    [ "$(other GET "$1")" = 200 ] &&
		    cmp -s "$scratch/answer" "$2"; then
			return
		fi
		sleep 0.2
	done
	return 1
}

# ---- the model ----

put()
{
	c_put "$1" "$2" || fail "the client cannot upload $2"
	cp "$1" "$want/$2"
	check_file "$2"
}

get()
{
	rm -f "$scratch/got"
	c_get "$1" "$scratch/got" || fail "the client cannot download $1"
	[ "$(sum "$scratch/got")" = "$(sum "$want/$1")" ] ||
		fail "the client read other bytes from $1"
	rm -f "$scratch/got"
}

make_folder()
{
	c_mkdir "$1" || fail "the client cannot make the folder $1"
	mkdir "$want/$1"
}

move()
{
	c_move "$1" "$2" || fail "the client cannot move $1 to $2"
	mv -T "$want/$1" "$want/$2"
	check_gone "$1"
	[ -d "$want/$2" ] || check_file "$2"
}

# A file takes the place of another one (RFC 4918 9.9.4).
replace()
{
	c_replace "$1" "$2" || fail "the client cannot move $1 onto $2"
	mv -T "$want/$1" "$want/$2"
	check_gone "$1"
	check_file "$2"
}

copy()
{
	c_copy "$1" "$2" || fail "the client cannot copy $1 to $2"
	cp "$want/$1" "$want/$2"
	check_file "$1"
	check_file "$2"
}

delete()
{
	c_delete "$1" || fail "the client cannot delete $1"
	rm "$want/$1"
	check_gone "$1"
}

delete_folder()
{
	c_rmdir "$1" || fail "the client cannot delete the folder $1"
	rm -r "${want:?}/$1"
	check_gone "$1"
}

check_list()
{
	local names

	names=$(c_list "$1" | sort) || fail "the client cannot list $1"
	[ "$names" = "$(ls -A "$want/$1" | sort)" ] ||
		fail "the list of '$1' is: $names; not: $(ls -A "$want/$1")"
}

tree_sums()
{
	(cd "$1" && find . -type d | sort &&
		find . -type f -print0 | sort -z | xargs -0r sha256sum)
}

# The whole cell: every folder through the client, every file through the
# client and curl, and everything as it lies on disk after an export.
check_tree()
{
	local path

	while IFS= read -r -d '' path; do
		check_list "$path"
	done < <(cd "$want" && find . -type d -printf '%P\0')
	while IFS= read -r -d '' path; do
		get "$path"
		check_file "$path"
	done < <(cd "$want" && find . -type f -printf '%P\0')
	rm -rf "$scratch/export"
	cli cell export work "$scratch/export" >"$scratch/export.log"
	diff <(tree_sums "$want") <(tree_sums "$scratch/export") ||
		fail "the export differs from what was written"
	rm -rf "$scratch/export"
}

# ---- the day ----

# Names that some layer is likely to decode twice, cut, fold or refuse.
nfd=$(printf 'cafe\xcc\x81 menu.txt')
emoji=$(printf 'party \xf0\x9f\x8e\x89\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb.txt')
names=('two  words.txt' '100% sure 50%41.txt' 'chapter #3.txt' 'a+b & c=d;e.txt'
	"it's (quoted) [x].txt" "$emoji" "$nfd")

samples_make()
{
	samples=$scratch/samples
	mkdir -p "$samples"
	: >"$samples/zero"
	printf x >"$samples/one"
	head -c 4096 /dev/urandom >"$samples/four-k"
	head -c 5000 /dev/urandom >"$samples/five-k"
	head -c 314572800 /dev/urandom >"$samples/big"
}

day_upload()
{
	local name

	step "folders"
	make_folder papers
	make_folder papers/archive
	step "uploads of 0 B, 1 B, 4 KiB and 300 MB"
	for name in zero one four-k big; do
		put "$samples/$name" "papers/$name.bin"
	done
	step "awkward names"
	for name in "${names[@]}"; do
		printf 'this is %s\n' "$name" >"$samples/text"
		put "$samples/text" "papers/$name"
	done
	check_list papers
}

day_together()
{
	step "what another user writes"
	other_put "$samples/five-k" "papers/from the other.bin"
	other_put "$samples/five-k" papers/four-k.bin
	check_list papers
	get "papers/from the other.bin"
	get papers/four-k.bin
	step "overwriting, longer and shorter"
	put "$samples/four-k" papers/one.bin
	put "$samples/one" papers/four-k.bin
	put "$samples/zero" "papers/from the other.bin"
	put "$samples/four-k" papers/zero.bin
}

day_order()
{
	step "renaming, moving, copying"
	move "papers/chapter #3.txt" "papers/chapter #4 100%.txt"
	move "papers/$emoji" "papers/un$emoji"
	move papers/zero.bin papers/archive/zero.bin
	move "papers/$nfd" "papers/archive/$nfd"
	copy papers/big.bin "papers/archive/big copy.bin"
	copy "papers/archive/$nfd" "papers/two $nfd"
	copy "papers/100% sure 50%41.txt" "papers/archive/100% sure 50%41.txt"
	step "a safe save: new file, moved over the old one"
	put "$samples/five-k" papers/.save.tmp
	replace papers/.save.tmp papers/one.bin
	step "a folder gets another name"
	move papers "papers #2 100% of it"
}

day_delete()
{
	local home="papers #2 100% of it"

	step "deleting"
	delete "$home/big.bin"
	delete "$home/two $nfd"
	delete "$home/un$emoji"
	check_tree
	delete_folder "$home/archive"
	check_tree
}

day()
{
	samples_make
	check_list ""
	day_upload
	day_together
	day_order
	day_delete
	server_stop
	step "done"
}
