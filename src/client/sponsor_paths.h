/* SPDX-License-Identifier: Apache-2.0
 *
 * sponsor_paths.h - what a sponsor's control server answers to. Spec: spec/sponsor.md 8. */
#ifndef SOUK_CLIENT_SPONSOR_PATHS_H
#define SOUK_CLIENT_SPONSOR_PATHS_H

#define SPONSOR_PATH_STATUS   "/v1/sponsor"
#define SPONSOR_PATH_CONTENT  "/v1/contents/"
#define SPONSOR_PATH_ASK      "/v1/bundles"
#define SPONSOR_PATH_CLAIM    "/v1/bundles/claim"
#define SPONSOR_PATH_COMPLAIN "/v1/bundles/complain"
#define SPONSOR_PATH_REPORT   "/v1/report"

#endif
