// SPDX-License-Identifier: Apache-2.0

import Testing
import TingLink

@Suite("What becomes of each packet on an emulated line")
struct LinkQueueTests {
    private func queue(
        _ direction: LinkProfile.Direction, blackouts: LinkProfile.Blackouts? = nil,
        seed: UInt64 = 1
    ) -> LinkQueue {
        LinkQueue(direction, blackouts: blackouts, seed: seed, darkSeed: 9)
    }

    @Test("one seed and the same packets give the same fates; another seed gives others")
    func seeded() {
        func fates(_ seed: UInt64) -> [Duration?] {
            var line = queue(
                .init(delay: .milliseconds(150), jitter: .milliseconds(30), loss: 0.15), seed: seed)
            return (0..<200).map { line.enter(bytes: 100, at: .milliseconds($0)) }
        }
        #expect(fates(1) == fates(1))
        #expect(fates(1) != fates(2))
    }

    @Test("the share lost is the share asked for", arguments: [0.005, 0.15, 0.5])
    func loss(_ share: Double) {
        var line = queue(.init(loss: share))
        for index in 0..<20_000 { _ = line.enter(bytes: 100, at: .milliseconds(index)) }
        #expect(line.counts.lost + line.counts.passed == 20_000)
        #expect(abs(Double(line.counts.lost) / 20_000 - share) < 0.01)
    }

    @Test("each takes the delay give or take the jitter, and none overtakes another")
    func delay() {
        var line = queue(.init(delay: .milliseconds(150), jitter: .milliseconds(30)))
        var last = Duration.zero
        for index in 0..<2_000 {
            let time = Duration.milliseconds(index * 100)
            guard let out = line.enter(bytes: 100, at: time) else {
                Issue.record("a packet was lost")
                continue
            }
            #expect((.milliseconds(120)...(.milliseconds(180))).contains(out - time))
            #expect(out >= last)
            last = out
        }
    }

    @Test("a slow line carries its bytes a second, keeps so many waiting, and drops the rest")
    func rate() {
        var line = queue(.init(bytesPerSecond: 10_000))
        let outs = (0..<400).compactMap { _ in line.enter(bytes: 1_000, at: .zero) }
        #expect(outs.count == 263, "256 KiB wait, and one more that found room")
        #expect(outs.last == .milliseconds(26_300))
        #expect(line.counts.overflowed == 400 - 263)
    }

    @Test("in a blackout nothing passes; it lasts as long as drawn, again and again")
    func blackouts() {
        var line = queue(
            .init(), blackouts: .init(interval: .seconds(120), length: .seconds(30)))
        let dark = (0..<36_000).filter {
            line.enter(bytes: 100, at: .milliseconds($0 * 100)) == nil
        }
        let starts = dark.enumerated().filter {
            $0.offset == 0 || dark[$0.offset - 1] != $0.element - 1
        }
        #expect((16...36).contains(starts.count), "an hour has some 24 of them")
        #expect(line.counts.inTheDark == dark.count)
        #expect((0.12...0.3).contains(Double(dark.count) / 36_000))
    }

    @Test("a line that was cut carries nothing until it is mended")
    func cut() {
        var line = queue(.init())
        #expect(line.enter(bytes: 1, at: .zero) == .zero)
        line.isCut = true
        #expect(line.enter(bytes: 1, at: .seconds(1)) == nil)
        line.isCut = false
        #expect(line.enter(bytes: 1, at: .seconds(2)) == .seconds(2))
    }
}
