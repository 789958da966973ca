#!/bin/bash
# LibreOffice through UNO: open, lock seen by another user, save, save as.
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"
need soffice curl
/usr/bin/python3 -c 'import uno' 2>"$scratch/uno.log" || {
	echo "python3-uno is not installed"
	exit 77
}
office=

# A pipe, not a port: no other run can answer on it.
office_start()
{
	pipe=celldav-$$
	setsid soffice --headless --norestore --nologo --nolockcheck \
		--nodefault "-env:UserInstallation=file://$scratch/profile" \
		"--accept=pipe,name=$pipe;urp" >"$scratch/office.log" 2>&1 &
	office=$!
}

# soffice is a script that starts the program: the whole session ends.
c_stop()
{
	[ -n "$office" ] || return 0
	kill -TERM -- "-$office" 2>/dev/null || true
	wait "$office" 2>/dev/null || true
}

server_start
office_start
/usr/bin/python3 -B "$here/_libreoffice.py" "$pipe" "$url" demo \
	"$app_password" "$password" "${trust[1]:-}" "$scratch"
server_stop
