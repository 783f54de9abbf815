/* SPDX-License-Identifier: Apache-2.0
 *
 * key_policy.h - the subcommands of souk key that need proxies. */
#ifndef SOUK_CLI_KEY_POLICY_H
#define SOUK_CLI_KEY_POLICY_H

int key_policy_grant(int argc, char **argv);
int key_policy_retrieve(int argc, char **argv);
int key_policy_revoke(int argc, char **argv);
int key_policy_check(int argc, char **argv);

#endif
