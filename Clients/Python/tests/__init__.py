# SPDX-License-Identifier: Apache-2.0
"""Tests of the client: the specification's vectors, the pure parts, and a real server."""
