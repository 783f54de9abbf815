/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_torrent.h - the two directions of souk torrent. */
#ifndef SOUK_CLI_CMD_TORRENT_H
#define SOUK_CLI_CMD_TORRENT_H

int cmd_torrent_export(int argc, char **argv);
int cmd_torrent_import(int argc, char **argv);

#endif
