/* SPDX-License-Identifier: Apache-2.0
 *
 * torrent: contents to and from BitTorrent. */
#include "cmd_torrent.h"

#include "cli.h"
#include "souk/base/check.h"

int cmd_torrent(int argc, char **argv)
{
	static const struct cli_subcommand subcommands[] = {
		{"export", cmd_torrent_export, "write the torrent file of a content"},
		{"import", cmd_torrent_import,
			"put a torrent's files on sale, from disk or a swarm"},
	};
	return cli_run_subcommand("torrent", subcommands, SOUK_COUNT_OF(subcommands), argc, argv);
}
