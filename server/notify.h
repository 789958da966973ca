#pragma once

/* Tells a service manager (NOTIFY_SOCKET of sd_notify(3)), if there is one. */
void
notify_manager(const char *state);
