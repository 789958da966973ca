#!/bin/bash
# A campaign, not part of a usual run: makes a bare Debian in a folder, runs
# contrib/quickstart and then tests/run in it, and says how long each took.
#
# usage: tests/bare_debian.sh [FOLDER]      (as root)
#   FOLDER is made, used and removed; KEEP=yes leaves it.  SUITE (bookworm)
#   names the release, such as trixie.  Arguments of tests/run come from TESTS.
#
# The tree is a clone of the last commit.  Packages come from the sources that
# this machine uses for Debian, with its proxies and certificates; for another
# release than its own, from the same archives.  All mounts
# live in a mount namespace of their own, so that none is left behind however
# this ends.
set -eu -o pipefail

if [ "$(id -u)" != 0 ]; then
	echo "tests/bare_debian.sh: only root can make a system in a folder" >&2
	exit 2
fi
if [ -z "${BARE_INSIDE:-}" ]; then
	exec env BARE_INSIDE=yes unshare --mount --propagation private \
		"${BASH_SOURCE[0]}" "$@"
fi

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
suite=${SUITE:-bookworm}
root=${1:-$(mktemp -d /var/tmp/bare-debian-XXXXXX)}
tree=/src/celldav
log=$(mktemp -d)
running=

say()
{
	printf '%(%H:%M:%S)T %s\n' -1 "$*"
}

fail()
{
	say "failed: $*"
	exit 1
}

finish()
{
	local status=$?

	trap - EXIT
	set +e
	if [ -n "$running" ]; then
		kill -TERM "$running" 2>/dev/null
		wait "$running"
	fi
	unmount_all
	if [ "${KEEP:-}" = yes ]; then
		say "the system stays in $root, the logs in $log"
	else
		rm -rf --one-file-system "$root"
		[ "$status" != 0 ] || rm -rf "$log"
		[ "$status" = 0 ] || say "the logs are in $log"
	fi
	exit "$status"
}
trap finish EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

# ---- the machine's way to its packages ----

# "URI SUITE COMPONENT" of every Debian source; apt itself reads the files, as
# they have two formats.  The archives of this machine's release are those of
# the others too: bookworm-security becomes trixie-security.
sources()
{
	local here

	here=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	apt-get indextargets --format \
		'$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)' \
		'Created-By: Packages' |
		sed -nE 's/^Debian( Security)?\|([^|]+)\|([^|]+)\|([^|]+)$/\2 \3 \4/p' |
		sed -E "s/ ${here:-$suite}(-| )/ $suite\1/" | sort -u
}

mirror_of_suite()
{
	sources | awk -v suite="$suite" '$2 == suite { print $1; exit }'
}

# The certificates that this machine trusts beyond those of the distribution.
copy_trust()
{
	local file

	mkdir -p "$root/usr/local/share/ca-certificates"
	cp -r /usr/local/share/ca-certificates/. \
		"$root/usr/local/share/ca-certificates/" 2>/dev/null || true
	for file in /etc/ssl/certs/ca-certificates.crt \
	    "${NODE_EXTRA_CA_CERTS:-}" "${SSL_CERT_FILE:-}"; do
		[ -n "$file" ] && [ -f "$file" ] || continue
		mkdir -p "$root$(dirname "$file")"
		cp "$file" "$root$file"
	done
}

copy_apt()
{
	sources | while read -r uri release component; do
		echo "deb $uri $release $component"
	done >"$root/etc/apt/sources.list"
	rm -rf "$root/etc/apt/sources.list.d"
	apt-config dump |
		grep -E '^Acquire::(http|https|Retries|Check-Valid-Until)' \
		>"$root/etc/apt/apt.conf.d/90machine" || true
	cp /etc/resolv.conf /etc/hosts "$root/etc/"
}

# What a login here would have in its environment for the network.
environment()
{
	local name registry

	for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY \
	    NO_PROXY NODE_EXTRA_CA_CERTS SSL_CERT_FILE; do
		[ -z "${!name:-}" ] || printf '%s=%s\n' "$name" "${!name}"
	done
	if command -v npm >/dev/null; then
		registry=$(npm config get registry 2>/dev/null)
		printf 'npm_config_registry=%s\n' "$registry"
	fi
}

# ---- the system ----

make_system()
{
	local mirror since=$SECONDS

	command -v debootstrap >/dev/null || {
		apt-get -o DPkg::Lock::Timeout=600 update
		apt-get -o DPkg::Lock::Timeout=600 -y \
			--no-install-recommends install debootstrap
	} >"$log/apt.log" 2>&1 || fail "debootstrap: see $log/apt.log"
	mirror=$(mirror_of_suite)
	[ -n "$mirror" ] || fail "no apt source of this machine has $suite"
	say "debootstrap, minbase, $suite"
	# A root that only root may enter is none for the users inside.
	mkdir -p "$root"
	chmod 755 "$root"
	debootstrap --variant=minbase "$suite" "$root" "$mirror" \
		>"$log/debootstrap.log" 2>&1 ||
		fail "debootstrap: see $log/debootstrap.log"
	copy_trust
	copy_apt
	mkdir -p "$root${tree%/*}"
	git clone -q --no-hardlinks "$top" "$root$tree"
	say "a bare system after $((SECONDS - since)) s"
}

# The root is bound to itself: some tools want "/" to be a mount point.
mount_all()
{
	mount --bind "$root" "$root"
	mount -t proc proc "$root/proc"
	mount -t sysfs sysfs "$root/sys"
	mount --rbind /dev "$root/dev"
	mount -t tmpfs -o mode=755 tmpfs "$root/run"
}

unmount_all()
{
	local point

	for point in "$root/run" "$root/dev" "$root/sys" "$root/proc" "$root"; do
		if mountpoint -q "$point"; then
			umount -R "$point" 2>/dev/null || umount -R -l "$point"
		fi
	done
}

# Runs a command in the system with a clean environment; as `exec`, so that a
# process in the background can be signalled.
inside()
{
	mapfile -t words < <(environment)
	exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
		LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "${words[@]}" \
		chroot "$root" /bin/sh -c 'cd "$0" && exec "$@"' "$tree" "$@"
}

# ---- the two commands ----

line()
{
	sed -n "s/^$1: *//p" "$log/quickstart.log" | head -n 1
}

# Starts quickstart and waits for its last line.
quickstart()
{
	local since=$SECONDS

	(inside contrib/quickstart) >"$log/quickstart.log" \
		2>"$log/quickstart.err" </dev/null &
	running=$!
	until grep -q '^ready: ' "$log/quickstart.log"; do
		kill -0 "$running" 2>/dev/null || {
			tail -n 20 "$log/quickstart.log" "$log/quickstart.err"
			fail "quickstart ended before it was ready"
		}
		[ $((SECONDS - since)) -lt 1800 ] ||
			fail "quickstart is not ready after half an hour"
		sleep 0.2
	done
	say "quickstart: ready after $((SECONDS - since)) s"
}

# Reads a file of the first cell with what the first start has printed.
fetch_a_file()
{
	local base path size

	base=$(line ready)
	path=$(curl -sS --fail -u "$user:$secret" -X PROPFIND -H 'Depth: 1' \
		"${base%/}/dav/welcome/" |
		grep -oE '/dav/welcome/[^<]*[^/<]<' | head -n 1 | tr -d '<')
	[ -n "$path" ] || fail "the first cell lists no file"
	size=$(curl -sS --fail -u "$user:$secret" "${base%/}$path" | wc -c)
	[ "$size" -gt 0 ] || fail "$path is empty"
	say "fetched $path, $size bytes"
}

quickstart_stop()
{
	local pid=$running

	running=
	kill -TERM "$pid"
	wait "$pid" || fail "quickstart ended with $?"
}

try_quickstart()
{
	quickstart
	user=$(line user)
	secret=$(line password)
	[ -n "$(line address)" ] && [ -n "$user" ] && [ -n "$secret" ] ||
		fail "quickstart did not print address, user and password"
	fetch_a_file
	quickstart_stop
	say "once more, on the same state"
	quickstart
	fetch_a_file
	quickstart_stop
}

try_tests()
{
	local since=$SECONDS status=0

	# shellcheck disable=SC2086 # words for tests/run
	(inside tests/run ${TESTS:-}) </dev/null 2>&1 |
		tee "$log/tests.log" || status=$?
	say "tests/run: $((SECONDS - since)) s, $(tail -n 1 "$log/tests.log")"
	[ "$status" = 0 ] || fail "tests/run ended with $status"
}

make_system
mount_all
try_quickstart
try_tests
