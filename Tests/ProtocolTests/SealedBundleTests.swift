// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation
import Testing
import TingCore
import TingWire

@Suite("A sealed bundle")
struct SealedBundleTests {
    private let server = SealedBundle.PrivateKey()
    private let device = SealedBundle.PrivateKey()

    private func seal(_ contents: [UInt8]) throws -> [UInt8] {
        try SealedBundle.seal(contents, as: .toServer, to: server.publicKey)
    }

    private func problem(_ file: [UInt8]) -> BundleError? {
        do {
            _ = try SealedBundle.open(file, as: .toServer, with: server)
            return nil
        } catch { return error as? BundleError }
    }

    @Test(
        "opens to what was sealed, at every edge of a chunk",
        arguments: [0, 1, 65_535, 65_536, 65_537, 131_072])
    func edges(_ count: Int) throws {
        let contents = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let file = try seal(contents)
        #expect(try SealedBundle.open(file, as: .toServer, with: server) == contents)
        #expect(!file.contains(contents.prefix(16)) || count < 16)
    }

    @Test("any byte that was altered is found, with a reason")
    func altered() throws {
        let file = try seal(Array("what nobody else may read".utf8))
        for place in file.indices {
            var other = file
            other[place] ^= 1
            let expected: [BundleError] =
                switch place {
                case ..<9: [.notABundle]
                // 1 becomes 0, which is no kind.
                case 9: [.notABundle]
                case 10..<42: [.otherRecipient]
                default: [.damaged]
                }
            #expect(expected.contains { $0 == problem(other) }, "byte \(place)")
        }
    }

    @Test("a file that was cut anywhere is found, and so is one that was added to")
    func cut() throws {
        let file = try seal(Array(repeating: 7, count: 65_536 + 100))
        for count in Array(0..<200) + [file.count - 117, file.count - 116, file.count - 1] {
            #expect(problem(Array(file.prefix(count))) != nil, "\(count) bytes")
        }
        #expect(problem(file + [0]) == .damaged)
        // Whole chunks in another order.
        let (head, body) = (file.prefix(74), file.dropFirst(74))
        #expect(problem(Array(head + body.suffix(116) + body.prefix(65_552))) == .damaged)
    }

    @Test("a bundle for another server, and one that goes the other way, are told apart")
    func others() throws {
        let stranger = SealedBundle.PrivateKey()
        let file = try SealedBundle.seal([1], as: .toServer, to: stranger.publicKey)
        #expect(problem(file) == .otherRecipient)
        let reply = try SealedBundle.seal([1], as: .reply, to: server.publicKey, by: stranger)
        #expect(problem(reply) == .wrongWay)
    }

    @Test("a reply that another than the server sealed is refused")
    func forged() throws {
        let forger = SealedBundle.PrivateKey()
        let forged = try SealedBundle.seal([1], as: .reply, to: device.publicKey, by: forger)
        #expect(throws: BundleError.damaged) {
            try SealedBundle.open(forged, as: .reply, with: device, from: server.publicKey)
        }
        let plain = try SealedBundle.seal([1], as: .reply, to: device.publicKey)
        #expect(throws: BundleError.damaged) {
            try SealedBundle.open(plain, as: .reply, with: device, from: server.publicKey)
        }
    }

    @Test("more than the limit is not sealed")
    func large() throws {
        #expect(throws: BundleError.tooLarge) {
            try seal(Array(repeating: 0, count: Limits.bundleByteLimit + 1))
        }
    }

    @Test("as text it survives a mail program: quoted, indented, with lines before and after")
    func armor() throws {
        let file = try seal(Array("text".utf8))
        let text = SealedBundle.armored(file)
        let quoted =
            "Kære Li,\r\n"
            + text.split(separator: "\n").map { $0.hasPrefix("-") ? "\($0)\r\n" : "> \($0)\r\n" }
            .joined() + "Hilsen\r\n"
        #expect(try SealedBundle.dearmored(Data(text.utf8)) == file)
        #expect(try SealedBundle.dearmored(Data(quoted.utf8)) == file)
        #expect(try SealedBundle.dearmored(Data(file)) == file)
        #expect(throws: BundleError.notABundle) {
            try SealedBundle.dearmored(Data("nothing of ours".utf8))
        }
    }

    @Test("as text it is found in a mail of another encoding, and behind an end that it quotes")
    func armorInMail() throws {
        let file = try seal(Array("text".utf8))
        let text = Data(SealedBundle.armored(file).utf8)
        // “Kære Li,” in ISO-8859-1.
        let greeting = Data([0x4b, 0xe6, 0x72, 0x65, 0x20, 0x4c, 0x69, 0x2c, 0x0d, 0x0a])
        #expect(try SealedBundle.dearmored(greeting + text) == file)
        let quoted = Data("> -----END TING BUNDLE-----\r\n".utf8)
        #expect(try SealedBundle.dearmored(greeting + quoted + text + greeting) == file)
        #expect(throws: BundleError.notABundle) {
            try SealedBundle.dearmored(quoted + Data("-----BEGIN TING BUNDLE-----\r\n".utf8))
        }
    }

    @Test("every error says what to do", arguments: BundleError.allCases)
    func remedies(_ error: BundleError) {
        #expect(error.sentence.hasSuffix(".") && error.remedy.hasSuffix("."))
    }

    @Test("a key with which everybody agrees on the same secret is no key")
    func smallOrder() throws {
        // Points of order 1, 2, 4 and 8 (RFC 7748 § 6.1), little-endian.
        let points = [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ]
        for point in points {
            let bytes = stride(from: 0, to: 64, by: 2).compactMap { place in
                UInt8(point.dropFirst(place).prefix(2), radix: 16)
            }
            guard let key = try? SealedBundle.PublicKey(rawRepresentation: bytes) else { continue }
            #expect(!key.givesSecret(to: server), "\(point)")
        }
        #expect(device.publicKey.givesSecret(to: server))
    }
}
