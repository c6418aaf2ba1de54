import GRDB
// SPDX-License-Identifier: Apache-2.0
import Hummingbird
import HummingbirdHTTP2
import HummingbirdTLS
import X509
