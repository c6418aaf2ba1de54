# SPDX-License-Identifier: Apache-2.0
"""A client of Ting written from the protocol's specification, with the standard library alone."""
