// SPDX-License-Identifier: Apache-2.0

import Testing
import TingCore

@Suite("What a replica does next in a sync")
struct SyncPlanTests {
    private typealias Progress = SyncPlan.Progress

    private func progress(
        _ version: Version, of head: Version, moved: Bool = true, sent: Int64? = nil,
        more: Bool = false, renamed: Bool = false
    ) -> SyncPlan.Fact {
        .integrated(
            Progress(
                version: version, head: head, moved: moved, sent: sent, isMoreWaiting: more,
                renamed: renamed))
    }

    private func begun(patience: Duration = .seconds(20)) -> SyncPlan {
        var plan = SyncPlan(patience: patience)
        #expect(plan.step(.begin) == .exchange(after: 0, checking: .stateAndHistory))
        return plan
    }

    @Test("one exchange is enough where nothing is left")
    func once() {
        var plan = begun()
        #expect(plan.step(progress(5, of: 5, moved: false)) == .finish)
    }

    @Test("a server that asks for a new replica id again and again is given up on")
    func renaming() {
        var plan = begun()
        for _ in 1...Limits.renamings {
            #expect(
                plan.step(progress(5, of: 5, moved: false, renamed: true))
                    == .exchange(after: 0, checking: .stateAndHistory))
        }
        #expect(
            plan.step(progress(5, of: 5, moved: false, renamed: true)) == .fail(.noProgress(5)))
    }

    @Test("pages of entries and of the outbox go on from where they ended")
    func pages() {
        var plan = begun()
        #expect(
            plan.step(progress(5, of: 9, sent: 3, more: true))
                == .exchange(after: 3, checking: .stateAndHistory))
        #expect(
            plan.step(progress(9, of: 9, more: true))
                == .exchange(after: 3, checking: .stateAndHistory))
        #expect(plan.step(progress(12, of: 12, sent: 6)) == .finish)
    }

    @Test("a replica that took a new id sends its outbox from the start")
    func renamed() {
        var plan = begun()
        #expect(
            plan.step(progress(5, of: 5, sent: 7, renamed: true))
                == .exchange(after: 0, checking: .stateAndHistory))
    }

    @Test("who mends while others write goes on and mends again, so many times")
    func lateMending() {
        var plan = begun()
        #expect(plan.step(.stateDiffers) == .exchange(after: 0, checking: .history))
        for version in 1...Int64(Limits.lateMendings) {
            #expect(plan.step(progress(version, of: version)) == .mend)
            #expect(plan.step(.mendedLate) == .exchange(after: 0, checking: .history))
        }
        #expect(plan.step(progress(20, of: 20)) == .mend)
        #expect(plan.step(.mendedLate) == .startOver(.notMended))
    }

    @Test("a lost exchange is tried again until the patience ends, each wait longer")
    func patience() {
        var plan = begun(patience: .seconds(8))
        #expect(plan.step(.notAnswered(jitter: 0)) == .wait(.seconds(1)))
        #expect(plan.step(.waited) == .exchange(after: 0, checking: .stateAndHistory))
        #expect(plan.step(.notAnswered(jitter: 0)) == .wait(.seconds(2)))
        #expect(plan.step(.notAnswered(jitter: 0)) == .wait(.seconds(4)))
        #expect(plan.step(.notAnswered(jitter: 0)) == .fail(.notAnswered))
    }

    @Test(
        "a server that asks to wait longer is not asked before; beyond the patience it is not asked again"
    )
    func asksToWait() {
        var plan = begun(patience: .seconds(20))
        #expect(plan.step(.notAnswered(jitter: 0, atLeast: .seconds(5))) == .wait(.seconds(5)))
        #expect(plan.step(.notAnswered(jitter: 0, atLeast: .zero)) == .wait(.seconds(2)))
        #expect(
            plan.step(.notAnswered(jitter: 0, atLeast: .seconds(30))) == .fail(.notAnswered))
    }

    @Test(
        "what a try took counts to the patience: a silent server is not asked twice",
        .tags(.promise12))
    func took() {
        var plan = SyncPlan(patience: .seconds(3))
        _ = plan.step(.begin)
        #expect(plan.step(.notAnswered(jitter: 0, took: .seconds(3))) == .fail(.notAnswered))
    }

    @Test("an answer that leads nowhere ends the sync instead of going round")
    func noProgress() {
        var plan = begun()
        #expect(plan.step(progress(5, of: 9, moved: false)) == .fail(.noProgress(5)))
    }

    @Test("records that differ are mended at the head, then the digests are held to again")
    func mending() {
        var plan = begun()
        #expect(plan.step(.stateDiffers) == .exchange(after: 0, checking: .history))
        #expect(plan.step(progress(5, of: 9)) == .exchange(after: 0, checking: .history))
        #expect(plan.step(progress(9, of: 9)) == .mend)
        #expect(plan.step(.mended(agrees: false, progressed: true)) == .mend)
        #expect(
            plan.step(.mended(agrees: true, progressed: true))
                == .exchange(after: 0, checking: .stateAndHistory))
        #expect(plan.step(progress(9, of: 9, moved: false)) == .finish)
    }

    @Test("mending ends, whatever progress it makes")
    func mendsSoOften() {
        var plan = begun()
        _ = plan.step(.stateDiffers)
        _ = plan.step(progress(5, of: 5))
        for _ in 1..<Limits.mendings {
            #expect(plan.step(.mended(agrees: false, progressed: true)) == .mend)
        }
        #expect(plan.step(.mended(agrees: false, progressed: true)) == .startOver(.notMended))
    }

    @Test("a server that changes while it is given back is asked anew, but not for ever")
    func changing() {
        var plan = begun()
        var asked = 0
        while plan.step(.historyDiffers(.anotherEpoch)) == .startOver(.anotherEpoch), asked < 100 {
            #expect(plan.step(.waited) == .exchange(after: 0, checking: .stateAndHistory))
            asked += 1
        }
        #expect((3..<100).contains(asked))
    }

    @Test("what can't be mended starts over from a snapshot, but not for ever")
    func startingOver() {
        var plan = begun()
        _ = plan.step(.stateDiffers)
        #expect(plan.step(.mended(agrees: false, progressed: false)) == .startOver(.notMended))
        #expect(plan.step(.startedOver) == .exchange(after: 0, checking: .stateAndHistory))
        #expect(plan.step(.historyDiffers(.anotherEpoch)) == .startOver(.anotherEpoch))
        _ = plan.step(.startedOver)
        #expect(
            plan.step(.historyDiffers(.anotherEpoch)) == .fail(.startsOverAgain(.anotherEpoch)))
    }
}
