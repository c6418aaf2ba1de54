// SPDX-License-Identifier: Apache-2.0

import GRDB

/// The tables of `server.sqlite`. A migration is never edited after release.
enum AccountsSchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { try $0.execute(sql: first) }
        migrator.registerMigration("2") { try $0.execute(sql: second) }
        migrator.registerMigration("3") { try $0.execute(sql: third) }
        migrator.registerMigration("4") { try $0.execute(sql: fourth) }
        migrator.registerMigration("5") { try $0.execute(sql: fifth) }
        migrator.registerMigration("6") { try $0.execute(sql: sixth) }
        return migrator
    }

    /// Ids are lower-case UUIDs, times milliseconds since 1970, secrets SHA-256 hashes.
    ///
    /// A device with a `workspace` was invited by an owner of that workspace and acts there, not in all:
    /// who invites an address vouches for it in their own workspace, not in others'.
    private static let first = """
        CREATE TABLE member (
            id TEXT PRIMARY KEY NOT NULL CHECK (length(id) = 36),
            name TEXT NOT NULL CHECK (name <> ''),
            email TEXT NOT NULL,
            email_key TEXT NOT NULL UNIQUE,
            created INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE workspace (
            id TEXT PRIMARY KEY NOT NULL CHECK (length(id) = 36),
            slug TEXT NOT NULL UNIQUE,
            created INTEGER NOT NULL,
            members_version INTEGER NOT NULL DEFAULT 1
        ) STRICT;
        CREATE TABLE membership (
            workspace TEXT NOT NULL REFERENCES workspace (id),
            member TEXT NOT NULL REFERENCES member (id),
            role TEXT NOT NULL CHECK (role IN ('owner', 'editor', 'viewer')),
            added INTEGER NOT NULL,
            removed INTEGER,
            PRIMARY KEY (workspace, member)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX membership_member ON membership (member);
        CREATE TABLE device (
            id TEXT PRIMARY KEY NOT NULL CHECK (length(id) = 36),
            member TEXT NOT NULL REFERENCES member (id),
            workspace TEXT REFERENCES workspace (id),
            name TEXT NOT NULL,
            public_key BLOB NOT NULL,
            token_hash BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
            created INTEGER NOT NULL,
            last_seen INTEGER,
            revoked INTEGER
        ) STRICT;
        CREATE INDEX device_member ON device (member);
        CREATE TABLE invitation (
            code_hash BLOB PRIMARY KEY NOT NULL CHECK (length(code_hash) = 32),
            member TEXT NOT NULL REFERENCES member (id),
            workspace TEXT REFERENCES workspace (id),
            role TEXT CHECK (role IN ('owner', 'editor', 'viewer')),
            limited INTEGER NOT NULL CHECK (limited IN (0, 1)),
            created INTEGER NOT NULL,
            expires INTEGER NOT NULL,
            used INTEGER,
            device TEXT REFERENCES device (id)
        ) STRICT;
        CREATE INDEX invitation_member ON invitation (member);
        CREATE TABLE audit (
            id INTEGER PRIMARY KEY,
            time INTEGER NOT NULL,
            actor TEXT NOT NULL,
            event TEXT NOT NULL,
            subject TEXT,
            workspace TEXT
        ) STRICT;
        CREATE INDEX audit_event ON audit (event, time);
        CREATE TRIGGER membership_added AFTER INSERT ON membership BEGIN
            UPDATE workspace SET members_version = members_version + 1 WHERE id = NEW.workspace;
        END;
        CREATE TRIGGER membership_changed AFTER UPDATE OF role, removed ON membership
        WHEN OLD.role <> NEW.role OR OLD.removed IS NOT NEW.removed BEGIN
            UPDATE workspace SET members_version = members_version + 1 WHERE id = NEW.workspace;
        END;
        CREATE TRIGGER member_changed AFTER UPDATE OF name, email ON member
        WHEN OLD.name <> NEW.name OR OLD.email <> NEW.email BEGIN
            UPDATE workspace SET members_version = members_version + 1
            WHERE id IN (SELECT workspace FROM membership WHERE member = NEW.id);
        END;
        """

    /// A workspace may be given a bound in bytes, so that one team can't fill the disk of all.
    private static let second = """
        ALTER TABLE workspace ADD COLUMN quota INTEGER CHECK (quota > 0)
        """

    /// A join that is sent again gets the same token: it follows from the code and from this. A new
    /// one each time made a late copy of the request take the device's token away.
    private static let third = """
        ALTER TABLE invitation ADD COLUMN salt BLOB CHECK (length(salt) = 32)
        """

    /// What the owner who invited somebody called them. Members of that workspace see this, and not what
    /// the account is called elsewhere, until the person has been there with a device of all their
    /// workspaces; then it is NULL.
    private static let fourth = """
        ALTER TABLE membership ADD COLUMN invited_name TEXT;
        ALTER TABLE membership ADD COLUMN invited_email TEXT;
        CREATE TRIGGER membership_named AFTER UPDATE OF invited_name, invited_email ON membership
        WHEN OLD.invited_name IS NOT NEW.invited_name
            OR OLD.invited_email IS NOT NEW.invited_email BEGIN
            UPDATE workspace SET members_version = members_version + 1 WHERE id = NEW.workspace;
        END;
        """

    /// Each change that an owner makes asks how many there were within the hour.
    private static let fifth = """
        CREATE INDEX audit_owner ON audit (workspace, time) WHERE actor <> 'operator'
        """

    /// The workspaces in which a device with a `workspace` acts too, by invitations of their owners. It had
    /// one alone: who was in two by two owners' invitations lost the first with the second.
    private static let sixth = """
        CREATE TABLE device_workspace (
            device TEXT NOT NULL REFERENCES device (id),
            workspace TEXT NOT NULL REFERENCES workspace (id),
            PRIMARY KEY (device, workspace)
        ) STRICT, WITHOUT ROWID
        """
}
