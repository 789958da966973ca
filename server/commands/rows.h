#pragma once

/*
 * Every command, in the order of the help. A command is a row in the file of
 * its subject; the table is commands.c.
 */
struct command;

extern const struct command command_init;
extern const struct command command_serve;
extern const struct command command_check;
extern const struct command command_user_add;
extern const struct command command_user_update;
extern const struct command command_user_passwd;
extern const struct command command_user_show;
extern const struct command command_user_list;
extern const struct command command_user_disable;
extern const struct command command_user_enable;
extern const struct command command_user_remove;
extern const struct command command_group_add;
extern const struct command command_group_remove;
extern const struct command command_group_list;
extern const struct command command_group_join;
extern const struct command command_group_leave;
extern const struct command command_app_password_add;
extern const struct command command_app_password_list;
extern const struct command command_app_password_revoke;
extern const struct command command_cell_create;
extern const struct command command_cell_list;
extern const struct command command_cell_show;
extern const struct command command_cell_update;
extern const struct command command_cell_remove;
extern const struct command command_cell_import;
extern const struct command command_cell_export;
extern const struct command command_grant_set;
extern const struct command command_grant_list;
extern const struct command command_grant_revoke;
extern const struct command command_versions_list;
extern const struct command command_versions_restore;
extern const struct command command_trash_list;
extern const struct command command_trash_restore;
extern const struct command command_trash_empty;
extern const struct command command_verify;
extern const struct command command_gc;
extern const struct command command_scrub;
extern const struct command command_stats;
extern const struct command command_clock;
extern const struct command command_backup;
extern const struct command command_restore;
