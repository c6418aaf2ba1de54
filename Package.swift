// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

let package = Package(
    name: "ting",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "TingClient", targets: ["TingClient"]),
        // What the client's interface is made of: who imports one imports the others.
        .library(name: "TingStore", targets: ["TingStore"]),
        .library(name: "TingCore", targets: ["TingCore"]),
        .library(name: "TingPlanning", targets: ["TingPlanning"]),
        .executable(name: "ting", targets: ["ting"]),
        .executable(name: "tingd", targets: ["tingd"]),
    ],
    dependencies: [
        // SHA-256, HMAC and device keys.
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        // The server's own CA and certificates.
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        // Messages on the wire.
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        // SQLite: replicas and workspaces.
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        // HTTPS, server side.
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        // HTTPS, client side.
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        // Commands and their flags.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        // Turns SQLite's triggers off on one connection: a variadic call Swift can't make.
        .systemLibrary(
            name: "CSQLite", path: "Sources/CSQLite", pkgConfig: "sqlite3",
            providers: [.apt(["libsqlite3-dev"])]),
        .target(name: "CSQLiteConfig", dependencies: ["CSQLite"]),
        // A disk in memory under SQLite, with faults: tests and the simulator only.
        .target(name: "CSimulatedDisk", dependencies: ["CSQLite"]),
        // Two folders change places in one step: a call that Swift's Glibc does not have.
        .target(name: "CFolderExchange"),
        // SHA-256 by the system's libcrypto: hashes of a few bytes, by the dozen a record.
        .target(name: "CSHA256", linkerSettings: [.linkedLibrary("crypto")]),
        .target(
            name: "TingCore",
            dependencies: ["CSHA256", .product(name: "Crypto", package: "swift-crypto")]),
        // Bodies in gzip, with a bound on what they inflate to.
        .systemLibrary(
            name: "CZlib", path: "Sources/CZlib", pkgConfig: "zlib",
            providers: [.apt(["zlib1g-dev"])]),
        .target(
            name: "TingWire",
            dependencies: [
                "CZlib", "TingCore", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
                // Sealing bundles (HPKE).
                .product(name: "Crypto", package: "swift-crypto"),
            ]),
        .target(
            name: "TingStore",
            dependencies: [
                "TingCore", "CSQLite", "CSQLiteConfig",
                .product(name: "GRDB", package: "GRDB.swift"),
            ]),
        .target(
            name: "TingServer",
            dependencies: [
                "CFolderExchange", "TingCore", "TingWire", "TingStore",
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdHTTP2", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ]),
        .target(
            name: "TingPlanning",
            dependencies: ["TingCore"]),
        .target(
            name: "TingTesting",
            dependencies: [
                "CSimulatedDisk", "TingCore", "TingStore",
                .product(name: "GRDB", package: "GRDB.swift"),
            ]),
        .target(
            name: "TingClient",
            dependencies: [
                "TingCore", "TingWire", "TingStore",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ], path: "Clients/TingClient"),
        // What both programs print: streams, tables, colours.
        .target(name: "TingTerminal"),
        .executableTarget(
            name: "ting",
            dependencies: [
                "CSQLiteConfig", "TingClient", "TingPlanning", "TingStore", "TingTerminal",
                "TingCore", "TingWire",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ], path: "Clients/CLI"),
        // What Docs/library.md explains.
        .executableTarget(
            name: "library-example",
            dependencies: [
                "TingClient", "TingPlanning", "TingStore", "TingCore",
                .product(name: "GRDB", package: "GRDB.swift"),
            ], path: "Clients/Examples/Library"),
        .executableTarget(
            name: "tingd",
            dependencies: [
                "CSQLiteConfig", "TingServer", "TingPlanning", "TingStore", "TingTerminal",
                "TingCore", "TingWire",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .executableTarget(
            name: "ting-sim",
            dependencies: [
                "CSQLiteConfig", "TingCore", "TingStore", "TingTesting",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ]),
        // A line between two network namespaces, with faults: for ting-torture and ting-bench.
        .target(name: "TingLink", dependencies: ["TingTesting"]),
        // The real programs on real lines and disks: it starts them, and reads their files.
        .executableTarget(
            name: "ting-torture",
            dependencies: [
                "TingClient", "TingCore", "TingLink", "TingPlanning", "TingStore", "TingTesting",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .testTarget(name: "LinkTests", dependencies: ["TingLink"]),
        // What hostile bytes are thrown at: by its tests, and by `make fuzz`.
        .target(
            name: "TingFuzzing",
            dependencies: [
                "TingClient", "TingCore", "TingPlanning", "TingServer", "TingStore", "TingTesting",
                "TingWire",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ]),
        .testTarget(name: "FuzzTests", dependencies: ["TingFuzzing"], exclude: ["corpus"]),
        .executableTarget(
            name: "ting-bench",
            dependencies: [
                "CSQLite", "TingClient", "TingCore", "TingLink", "TingPlanning", "TingStore",
                "TingTesting", "TingWire",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),
        .testTarget(name: "BenchTests", dependencies: ["ting-bench"]),
        .testTarget(name: "PlanningTests", dependencies: ["TingCore", "TingPlanning"]),
        .testTarget(
            name: "ProtocolTests",
            dependencies: [
                "TingClient", "TingCore", "TingStore", "TingWire", "ting", "tingd",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ]),
        .testTarget(
            name: "ClientTests",
            dependencies: [
                "TingClient", "TingCore", "TingStore", "TingTerminal", "TingTesting", "TingWire",
                "ting",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ]),
        .testTarget(
            name: "CommandLineTests",
            dependencies: ["library-example", "ting", "tingd", "TingTesting"],
            exclude: ["transcripts"]),
        .testTarget(
            name: "ServerTests",
            dependencies: [
                "TingServer", "TingCore", "TingWire", "TingStore", "TingTesting", "tingd",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
                .product(name: "X509", package: "swift-certificates"),
            ]),
        .testTarget(name: "CanonicalFormTests", dependencies: ["TingCore"]),
        .testTarget(
            name: "ReplicaTests",
            dependencies: [
                "CSQLite", "TingCore", "TingStore", "TingTesting",
                .product(name: "GRDB", package: "GRDB.swift"),
            ]),
        .testTarget(
            name: "SkewTests",
            dependencies: [
                "TingClient", "TingCore", "TingPlanning", "TingServer", "TingStore", "TingTesting",
                "TingWire",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ], exclude: ["golden", "released", "make_golden.sh"]),
        .testTarget(
            name: "SimulatorTests",
            dependencies: [
                "ting-sim",
                "TingStore", "TingTesting", .product(name: "GRDB", package: "GRDB.swift"),
            ], exclude: ["scenarios"]),
    ],
    swiftLanguageModes: [.v6]
)

// libFuzzer's symbols exist in a build with `-sanitize=fuzzer` only: see `make fuzz`.
if Context.environment["TING_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "ting-fuzz", dependencies: ["TingFuzzing"],
            swiftSettings: [.enableExperimentalFeature("Extern")]))
}

for target in package.targets where target.type != .system {
    guard !["CSQLiteConfig", "CSimulatedDisk"].contains(target.name) else { continue }
    target.swiftSettings =
        (target.swiftSettings ?? []) + [
            .treatAllWarnings(as: .error),
            .enableUpcomingFeature("ExistentialAny"),  // SE-0335: the cost of `any` is visible
            .enableUpcomingFeature("MemberImportVisibility"),  // SE-0444: a file imports what it uses
            .enableUpcomingFeature("InternalImportsByDefault"),  // SE-0409: dependencies stay inside
        ]
}
