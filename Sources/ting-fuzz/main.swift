// SPDX-License-Identifier: Apache-2.0

import Foundation
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

@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    do {
        try target.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
    } catch {
        fatalError("\(error)")
    }
    return 0
}

var count = CommandLine.argc
var arguments = CommandLine.unsafeArgv
exit(runDriver(&count, &arguments, testOneInput))
