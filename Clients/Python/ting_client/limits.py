# SPDX-License-Identifier: Apache-2.0
"""The bounds of spec/limits.md that this client keeps to, by their names there."""

from __future__ import annotations

# --- What is authored -----------------------------------------------------------------------------

CHANGE_SET_BYTE_LIMIT = 4_194_304
EFFECTS_BYTE_LIMIT = 4_194_304
OPERATION_LIMIT = 20_000
MESSAGE_BYTE_LIMIT = 4000
TEXT_BYTE_LIMIT = 1_048_576
SET_ELEMENT_LIMIT = 2000
ELEMENT_BYTE_LIMIT = 1000
UNIQUE_BYTE_LIMIT = 200
SCHEMA_BYTE_LIMIT = 1_048_576

# --- What is sent ---------------------------------------------------------------------------------

REQUEST_BYTE_LIMIT = 10_485_760
BUCKET_BYTE_LIMIT = 8_388_608
DELIVERY_LIMIT = 1000
OUTBOX_PAGE_BYTE_LIMIT = 1_048_576
PAGE_BYTE_LIMIT = 1_048_576
GZIP_FROM_BYTES = 512
INFLATION_RATIO = 20
REQUEST_SECONDS = 300

# --- How often a sync tries -----------------------------------------------------------------------

RENAMINGS = 4
MENDINGS = 256
LATE_MENDINGS = 8
START_OVER_LIMIT = 2
START_OVERS_PER_HOUR = 4

# --- Files and people -----------------------------------------------------------------------------

REPLICA_BUSY_SECONDS = 30
SHORT_ID_LENGTH = 4

# --- The text merge -------------------------------------------------------------------------------

MERGE_WORD_LIMIT = 4000
MERGE_LINE_LIMIT = 20_000
MERGE_STRETCH_LIMIT = 2000
MERGE_STEP_LIMIT = 50_000_000
