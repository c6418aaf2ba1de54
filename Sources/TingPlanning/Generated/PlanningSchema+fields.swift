// SPDX-License-Identifier: Apache-2.0
// Made by Protocol/schema/embed.py.
// swift-format-ignore-file

import TingCore

extension Schema {
    private static func programme() -> CollectionSchema {
        var fields: [Field] = []
        fields.append(Field("code", .text, .review, unique: true))
        fields.append(Field("title_en", .text, .latest))
        fields.append(Field("title_da", .text, .latest))
        fields.append(Field("title_zh", .text, .latest))
        fields.append(Field("start", .date, .review))
        fields.append(Field("end", .date, .review))
        fields.append(Field("status", .enum, .latest, standard: .text("draft"), values: ["draft", "negotiating", "active", "expired", "superseded"]))
        fields.append(Field("notes", .text, .text))
        fields.append(Field("source_url", .set, .set))
        fields.append(Field("confidence", .enum, .latest, values: ["low", "medium", "high"]))
        fields.append(Field("tags", .set, .set))
        fields.append(Field("sensitivity", .enum, .max, standard: .text("internal"), values: ["open", "internal", "restricted"]))
        return CollectionSchema("programme", label: ["en": "Programme", "da": "Program", "zh": "方案"], fields: fields)
    }

    private static func project() -> CollectionSchema {
        var fields: [Field] = []
        fields.append(Field("code", .text, .review, unique: true))
        fields.append(Field("title_en", .text, .latest))
        fields.append(Field("title_da", .text, .latest))
        fields.append(Field("title_zh", .text, .latest))
        fields.append(Field("summary", .text, .text))
        fields.append(Field("status", .enum, .latest, standard: .text("idea"), values: ["idea", "preparing", "agreed", "active", "paused", "completed", "cancelled"]))
        fields.append(Field("programme", .reference, .latest, to: ["programme"]))
        fields.append(Field("focus", .set, .set))
        fields.append(Field("lead_dk", .reference, .review, to: ["organisation"]))
        fields.append(Field("lead_cn", .reference, .review, to: ["organisation"]))
        fields.append(Field("partners", .set, .set))
        fields.append(Field("places", .set, .set))
        fields.append(Field("start", .date, .review))
        fields.append(Field("end", .date, .review))
        fields.append(Field("owner", .reference, .latest, to: ["contact"]))
        fields.append(Field("risk_review", .enum, .max, standard: .text("none"), values: ["none", "needed", "done"]))
        fields.append(Field("dac", .set, .set))
        fields.append(Field("sdg", .set, .set, values: ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17"]))
        fields.append(Field("progress", .integer, .latest, least: 0, greatest: 100))
        fields.append(Field("source_url", .set, .set))
        fields.append(Field("confidence", .enum, .latest, values: ["low", "medium", "high"]))
        fields.append(Field("tags", .set, .set))
        fields.append(Field("sensitivity", .enum, .max, standard: .text("internal"), values: ["open", "internal", "restricted"]))
        return CollectionSchema("project", label: ["en": "Project", "da": "Projekt", "zh": "项目"], fields: fields)
    }

    private static func task() -> CollectionSchema {
        var fields: [Field] = []
        fields.append(Field("project", .reference, .review, to: ["project"], parent: true))
        fields.append(Field("title", .text, .latest))
        fields.append(Field("body", .text, .text))
        fields.append(Field("status", .enum, .latest, standard: .text("open"), values: ["open", "doing", "blocked", "done", "dropped"]))
        fields.append(Field("assignees", .set, .set))
        fields.append(Field("due", .date, .latest))
        fields.append(Field("priority", .enum, .latest, values: ["low", "normal", "high"]))
        fields.append(Field("depends_on", .set, .set, to: ["task"], references: true))
        fields.append(Field("estimate_h", .integer, .latest, least: 0))
        fields.append(Field("spent_h", .counter, .counter))
        fields.append(Field("done_at", .date, .min))
        fields.append(Field("tags", .set, .set))
        fields.append(Field("sensitivity", .enum, .max, standard: .text("internal"), values: ["open", "internal", "restricted"]))
        return CollectionSchema("task", label: ["en": "Task", "da": "Opgave", "zh": "任务"], fields: fields)
    }

    private static func milestone() -> CollectionSchema {
        var fields: [Field] = []
        fields.append(Field("project", .reference, .review, to: ["project"], parent: true))
        fields.append(Field("title", .text, .latest))
        fields.append(Field("kind", .text, .latest))
        fields.append(Field("planned", .date, .latest))
        fields.append(Field("baseline", .date, .review))
        fields.append(Field("actual", .date, .review))
        fields.append(Field("status", .enum, .latest, standard: .text("planned"), values: ["planned", "met", "missed", "moved"]))
        fields.append(Field("evidence", .set, .set))
        fields.append(Field("tags", .set, .set))
        fields.append(Field("sensitivity", .enum, .max, standard: .text("internal"), values: ["open", "internal", "restricted"]))
        return CollectionSchema("milestone", label: ["en": "Milestone", "da": "Milepæl", "zh": "里程碑"], fields: fields)
    }

    private static func organisation() -> CollectionSchema {
        var fields: [Field] = []
        fields.append(Field("name_en", .text, .latest))
        fields.append(Field("name_da", .text, .latest))
        fields.append(Field("name_zh", .text, .latest))
        fields.append(Field("short", .text, .latest))
        fields.append(Field("kind", .text, .latest))
        fields.append(Field("country", .text, .review))
        fields.append(Field("cvr", .text, .review))
        fields.append(Field("uscc", .text, .review))
        fields.append(Field("division", .text, .latest))
        fields.append(Field("parent", .reference, .latest, to: ["organisation"]))
        fields.append(Field("successor", .reference, .review, to: ["organisation"]))
        fields.append(Field("valid_from", .date, .review))
        fields.append(Field("valid_to", .date, .review))
        fields.append(Field("website", .text, .latest))
        fields.append(Field("tags", .set, .set))
        fields.append(Field("sensitivity", .enum, .max, standard: .text("internal"), values: ["open", "internal", "restricted"]))
        return CollectionSchema("organisation", label: ["en": "Organisation", "da": "Organisation", "zh": "机构"], fields: fields)
    }

    private static func contact() -> CollectionSchema {
        var fields: [Field] = []
        fields.append(Field("family", .text, .latest))
        fields.append(Field("given", .text, .latest))
        fields.append(Field("name_zh", .text, .latest))
        fields.append(Field("name_order", .enum, .latest, values: ["given-first", "family-first"]))
        fields.append(Field("org", .reference, .latest, to: ["organisation"]))
        fields.append(Field("role", .text, .latest))
        fields.append(Field("emails", .set, .set))
        fields.append(Field("phones", .set, .set))
        fields.append(Field("languages", .set, .set))
        fields.append(Field("retain_until", .date, .min))
        fields.append(Field("consent_note", .text, .review))
        fields.append(Field("tags", .set, .set))
        fields.append(Field("sensitivity", .enum, .max, standard: .text("internal"), values: ["open", "internal", "restricted"]))
        return CollectionSchema("contact", label: ["en": "Contact", "da": "Kontakt", "zh": "联系人"], fields: fields)
    }

    private static func agreement() -> CollectionSchema {
        var fields: [Field] = []
        fields.append(Field("title", .text, .latest))
        fields.append(Field("kind", .text, .review))
        fields.append(Field("parties", .set, .set))
        fields.append(Field("programme", .reference, .latest, to: ["programme"]))
        fields.append(Field("signed", .date, .review))
        fields.append(Field("in_force", .date, .review))
        fields.append(Field("expires", .date, .review))
        fields.append(Field("status", .enum, .latest, standard: .text("draft"), values: ["draft", "under-approval", "signed", "in-force", "expired", "terminated"]))
        fields.append(Field("languages", .set, .set))
        fields.append(Field("focus", .set, .set))
        fields.append(Field("places", .set, .set))
        fields.append(Field("notes", .text, .text))
        fields.append(Field("source_url", .set, .set))
        fields.append(Field("confidence", .enum, .latest, values: ["low", "medium", "high"]))
        fields.append(Field("text_sha256", .text, .review))
        fields.append(Field("journal_no", .text, .review))
        fields.append(Field("tags", .set, .set))
        fields.append(Field("sensitivity", .enum, .max, standard: .text("internal"), values: ["open", "internal", "restricted"]))
        return CollectionSchema("agreement", label: ["en": "Agreement", "da": "Aftale", "zh": "协议"], fields: fields)
    }

    private static func visit() -> CollectionSchema {
        var fields: [Field] = []
        fields.append(Field("title", .text, .latest))
        fields.append(Field("direction", .enum, .review, values: ["dk-cn", "cn-dk"]))
        fields.append(Field("start", .date, .latest))
        fields.append(Field("end", .date, .latest))
        fields.append(Field("zone", .text, .latest))
        fields.append(Field("places", .set, .set))
        fields.append(Field("heads", .set, .set))
        fields.append(Field("delegation", .set, .set))
        fields.append(Field("status", .enum, .latest, standard: .text("proposed"), values: ["proposed", "invited", "confirmed", "held", "postponed", "cancelled"]))
        fields.append(Field("brief", .text, .text))
        fields.append(Field("focus", .set, .set))
        fields.append(Field("source_url", .set, .set))
        fields.append(Field("confidence", .enum, .latest, values: ["low", "medium", "high"]))
        fields.append(Field("tags", .set, .set))
        fields.append(Field("sensitivity", .enum, .max, standard: .text("internal"), values: ["open", "internal", "restricted"]))
        return CollectionSchema("visit", label: ["en": "Visit", "da": "Besøg", "zh": "访问"], fields: fields)
    }

    private static func session() -> CollectionSchema {
        var fields: [Field] = []
        fields.append(Field("visit", .reference, .review, to: ["visit"], parent: true))
        fields.append(Field("time", .time, .latest))
        fields.append(Field("place", .text, .latest))
        fields.append(Field("title", .text, .latest))
        fields.append(Field("participants", .set, .set))
        fields.append(Field("tags", .set, .set))
        fields.append(Field("sensitivity", .enum, .max, standard: .text("internal"), values: ["open", "internal", "restricted"]))
        return CollectionSchema("session", label: ["en": "Session", "da": "Programpunkt", "zh": "日程项目"], fields: fields)
    }

    private static func meeting() -> CollectionSchema {
        var fields: [Field] = []
        fields.append(Field("title", .text, .latest))
        fields.append(Field("project", .reference, .latest, to: ["project"]))
        fields.append(Field("programme", .reference, .latest, to: ["programme"]))
        fields.append(Field("at", .time, .latest))
        fields.append(Field("attendees", .set, .set))
        fields.append(Field("agenda", .text, .text))
        fields.append(Field("minutes", .text, .text))
        fields.append(Field("status", .enum, .latest, standard: .text("draft"), values: ["draft", "circulated", "agreed", "journalised"]))
        fields.append(Field("tags", .set, .set))
        fields.append(Field("sensitivity", .enum, .max, standard: .text("internal"), values: ["open", "internal", "restricted"]))
        return CollectionSchema("meeting", label: ["en": "Meeting", "da": "Møde", "zh": "会议"], fields: fields)
    }

    private static func decision() -> CollectionSchema {
        var fields: [Field] = []
        fields.append(Field("meeting", .reference, .review, to: ["meeting"], parent: true))
        fields.append(Field("text", .text, .text))
        fields.append(Field("decided", .date, .review))
        fields.append(Field("tags", .set, .set))
        fields.append(Field("sensitivity", .enum, .max, standard: .text("internal"), values: ["open", "internal", "restricted"]))
        return CollectionSchema("decision", label: ["en": "Decision", "da": "Beslutning", "zh": "决定"], fields: fields)
    }

    private static func indicator() -> CollectionSchema {
        var fields: [Field] = []
        fields.append(Field("project", .reference, .review, to: ["project"], parent: true))
        fields.append(Field("name", .text, .latest))
        fields.append(Field("unit", .text, .review))
        fields.append(Field("baseline", .integer, .review))
        fields.append(Field("target", .integer, .review))
        fields.append(Field("tags", .set, .set))
        fields.append(Field("sensitivity", .enum, .max, standard: .text("internal"), values: ["open", "internal", "restricted"]))
        return CollectionSchema("indicator", label: ["en": "Indicator", "da": "Indikator", "zh": "指标"], fields: fields)
    }

    private static func reading() -> CollectionSchema {
        var fields: [Field] = []
        fields.append(Field("indicator", .reference, .review, to: ["indicator"], parent: true))
        fields.append(Field("date", .date, .review))
        fields.append(Field("value", .integer, .review))
        fields.append(Field("read_by", .text, .review))
        fields.append(Field("note", .text, .text))
        fields.append(Field("tags", .set, .set))
        fields.append(Field("sensitivity", .enum, .max, standard: .text("internal"), values: ["open", "internal", "restricted"]))
        return CollectionSchema("reading", label: ["en": "Reading", "da": "Måling", "zh": "读数"], fields: fields)
    }

    private static func budget_line() -> CollectionSchema {
        var fields: [Field] = []
        fields.append(Field("project", .reference, .review, to: ["project"], parent: true))
        fields.append(Field("kind", .enum, .review, values: ["budget", "commitment", "disbursement"]))
        fields.append(Field("amount", .money, .review))
        fields.append(Field("currency", .enum, .review, values: ["DKK", "CNY", "EUR", "USD"]))
        fields.append(Field("period", .date, .review))
        fields.append(Field("source", .text, .latest))
        fields.append(Field("note", .text, .text))
        fields.append(Field("tags", .set, .set))
        fields.append(Field("sensitivity", .enum, .max, standard: .text("internal"), values: ["open", "internal", "restricted"]))
        return CollectionSchema("budget_line", label: ["en": "Budget line", "da": "Budgetlinje", "zh": "预算项"], fields: fields)
    }

    private static func document() -> CollectionSchema {
        var fields: [Field] = []
        fields.append(Field("record", .reference, .review, parent: true))
        fields.append(Field("title", .text, .latest))
        fields.append(Field("lang", .text, .review))
        fields.append(Field("sha256", .text, .review))
        fields.append(Field("size", .integer, .review, least: 0))
        fields.append(Field("direction", .enum, .review, values: ["received", "sent", "internal"]))
        fields.append(Field("received_at", .date, .review))
        fields.append(Field("sent_at", .date, .review))
        fields.append(Field("subject", .text, .latest))
        fields.append(Field("journal_no", .text, .review))
        fields.append(Field("links", .set, .set))
        fields.append(Field("tags", .set, .set))
        fields.append(Field("sensitivity", .enum, .max, standard: .text("internal"), values: ["open", "internal", "restricted"]))
        return CollectionSchema("document", label: ["en": "Document", "da": "Dokument", "zh": "文件"], fields: fields)
    }

    private static func risk() -> CollectionSchema {
        var fields: [Field] = []
        fields.append(Field("project", .reference, .review, to: ["project"], parent: true))
        fields.append(Field("text", .text, .text))
        fields.append(Field("likelihood", .integer, .max, least: 1, greatest: 5))
        fields.append(Field("impact", .integer, .max, least: 1, greatest: 5))
        fields.append(Field("owner", .reference, .latest, to: ["contact"]))
        fields.append(Field("status", .enum, .latest, standard: .text("open"), values: ["open", "mitigated", "closed"]))
        fields.append(Field("tags", .set, .set))
        fields.append(Field("sensitivity", .enum, .max, standard: .text("internal"), values: ["open", "internal", "restricted"]))
        return CollectionSchema("risk", label: ["en": "Risk", "da": "Risiko", "zh": "风险"], fields: fields)
    }

    private static func comment() -> CollectionSchema {
        var fields: [Field] = []
        fields.append(Field("record", .reference, .review, parent: true))
        fields.append(Field("body", .text, .review))
        fields.append(Field("tags", .set, .set))
        fields.append(Field("sensitivity", .enum, .max, standard: .text("internal"), values: ["open", "internal", "restricted"]))
        return CollectionSchema("comment", label: ["en": "Comment", "da": "Kommentar", "zh": "评论"], fields: fields)
    }

    static func planning() -> Schema {
        Schema(name: "planning", version: 1, collections: [programme(), project(), task(), milestone(), organisation(), contact(), agreement(), visit(), session(), meeting(), decision(), indicator(), reading(), budget_line(), document(), risk(), comment()])
    }
}
