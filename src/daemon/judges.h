/* SPDX-License-Identifier: Apache-2.0
 *
 * judges.h - the judges of every service that is built in: of a ledger's rules, so the daemon that
 * makes blocks and the command that verifies them have this one list. */
#ifndef SOUK_DAEMON_JUDGES_H
#define SOUK_DAEMON_JUDGES_H

#include "souk/ledger/judge.h"

const struct souk_judges *known_judges(void);

#endif
