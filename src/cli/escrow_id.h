/* SPDX-License-Identifier: Apache-2.0
 *
 * escrow_id.h - which escrow is whose number, as the commands say it. */
#ifndef SOUK_CLI_ESCROW_ID_H
#define SOUK_CLI_ESCROW_ID_H

#include "../daemon/escrow_line.h"

#define cli_escrow_salt escrow_number_salt
#define cli_escrow_id	escrow_number_id

#endif
