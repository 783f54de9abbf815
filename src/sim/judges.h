/* SPDX-License-Identifier: Apache-2.0
 *
 * judges.h - who judges faults on the ledger of a simulation. */
#ifndef SOUK_SIM_JUDGES_H
#define SOUK_SIM_JUDGES_H

#include "souk/ledger/judge.h"

const struct souk_judges *sim_judges(void);

#endif
