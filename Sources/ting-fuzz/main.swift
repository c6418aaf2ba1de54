// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import Synchronization
import TingFuzzing

typealias Input = @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
typealias Arguments = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

@_extern(c, "LLVMFuzzerRunDriver")
func runDriver(
    _ count: UnsafeMutablePointer<Int32>, _ arguments: UnsafeMutablePointer<Arguments>,
    _ input: Input
) -> Int32

// By the environment, as libFuzzer starts this program again with arguments of its own.
guard
    let chosen = ProcessInfo.processInfo.environment["TING_FUZZ_TARGET"]
        .flatMap(FuzzTarget.init(rawValue:))
else {
    let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
    print("ting-fuzz: set TING_FUZZ_TARGET to one of \(names).")
    exit(2)
}
let target = chosen

/// Holds libFuzzer's thread, which no task runs on.
func waiting(_ body: @escaping @Sendable () async throws -> Void) throws {
    let ended = DispatchSemaphore(value: 0)
    let result = Mutex<Result<Void, any Error>>(.success(()))
    Task.detached {
        do {
            try await body()
        } catch {
            result.withLock { $0 = .failure(error) }
        }
        ended.signal()
    }
    ended.wait()
    try result.withLock { $0 }.get()
}

@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let input = Array(UnsafeBufferPointer(start: bytes, count: count))
    do {
        if target.isAtOnce {
            try target.runAtOnce(input)
        } else {
            try waiting { try await target.run(input) }
        }
    } catch {
        fatalError("\(error)")
    }
    return 0
}

var count = CommandLine.argc
var arguments = CommandLine.unsafeArgv
exit(runDriver(&count, &arguments, testOneInput))
