// SPDX-License-Identifier: Apache-2.0

/// Jobs that wait for one of several threads.
///
/// Each key has its turn after the others, so that one with many jobs waits behind itself; and no key
/// but `nil` has more than half of the threads, so that one with long jobs leaves some to the others.
struct FairQueue<Key: Hashable, Job> {
    private let threads: Int
    private var waiting: [Key?: [Job]] = [:]
    /// The keys with jobs that wait, the next one first.
    private var turns: [Key?] = []
    private var running: [Key?: Int] = [:]
    private var busy = 0

    init(threads: Int) { self.threads = threads }

    mutating func add(_ job: Job, of key: Key?) {
        if waiting[key] == nil { turns.append(key) }
        waiting[key, default: []].append(job)
    }

    /// The job to run next, on a thread that is free; `nil` where none may run before another has ended.
    mutating func next() -> (job: Job, key: Key?)? {
        guard busy < threads, let place = turns.firstIndex(where: { hasRoom($0) }) else {
            return nil
        }
        let key = turns.remove(at: place)
        guard var jobs = waiting.removeValue(forKey: key) else { return nil }
        let job = jobs.removeFirst()
        if !jobs.isEmpty {
            waiting[key] = jobs
            turns.append(key)
        }
        busy += 1
        running[key, default: 0] += 1
        return (job, key)
    }

    /// Notes that a job of a key has ended.
    mutating func ended(_ key: Key?) {
        busy -= 1
        let left = running[key, default: 1] - 1
        running[key] = left > 0 ? left : nil
    }

    private func hasRoom(_ key: Key?) -> Bool {
        key == nil || running[key, default: 0] < max(1, threads / 2)
    }
}
