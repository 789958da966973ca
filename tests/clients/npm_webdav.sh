#!/bin/bash
# The npm package "webdav": the day, and its locks, conditional uploads,
# ranges, deep listing and quota.  tests/run puts its modules into build/npm.
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"
need node curl
modules=$top/build/npm/webdav
if [ ! -d "$modules/node_modules/webdav" ]; then
	echo "its modules are missing: \`tests/run clients/npm_webdav\` installs them"
	exit 77
fi
# Node looks for modules beside the program.
program=$scratch/npm/client.mjs
mkdir -p "$scratch/npm"
cp "$here/webdav/client.mjs" "$here/webdav/package.json" "$scratch/npm"
ln -s "$modules/node_modules" "$scratch/npm/node_modules"

node_client()
{
	DAV_URL=$url DAV_USER=demo DAV_PASSWORD=$app_password \
		node "$program" "$@"
}

c_list()
{
	node_client list "$1"
}

c_get()
{
	node_client get "$1" "$2"
}

c_put()
{
	node_client put "$1" "$2"
}

c_mkdir()
{
	node_client mkdir "$1"
}

c_copy()
{
	node_client copy "$1" "$2"
}

c_move()
{
	node_client move "$1" "$2"
}

c_delete()
{
	node_client delete "$1"
}

c_rmdir()
{
	node_client delete "$1"
}

server_start
step "locks, conditions, ranges, quota"
node_client extras
day
