// SPDX-License-Identifier: Apache-2.0
// Made by Protocol/schema/embed.py.
// swift-format-ignore-file

let planningSchemaJSON = ###"""
{
  "name": "planning",
  "version": 1,
  "collections": [
    {
      "name": "programme",
      "label": {"en": "Programme", "da": "Program", "zh": "方案"},
      "fields": [
        {"name": "code", "type": "text", "policy": "review", "unique": true},
        {"name": "title_en", "type": "text", "policy": "latest"},
        {"name": "title_da", "type": "text", "policy": "latest"},
        {"name": "title_zh", "type": "text", "policy": "latest"},
        {"name": "start", "type": "date", "policy": "review"},
        {"name": "end", "type": "date", "policy": "review"},
        {"name": "status", "type": "enum", "policy": "latest", "values": ["draft", "negotiating", "active", "expired", "superseded"], "default": "draft"},
        {"name": "notes", "type": "text", "policy": "text"},
        {"name": "source_url", "type": "set", "policy": "set"},
        {"name": "confidence", "type": "enum", "policy": "latest", "values": ["low", "medium", "high"]},
        {"name": "tags", "type": "set", "policy": "set"},
        {"name": "sensitivity", "type": "enum", "policy": "max", "values": ["open", "internal", "restricted"], "default": "internal"}
      ]
    },
    {
      "name": "project",
      "label": {"en": "Project", "da": "Projekt", "zh": "项目"},
      "fields": [
        {"name": "code", "type": "text", "policy": "review", "unique": true},
        {"name": "title_en", "type": "text", "policy": "latest"},
        {"name": "title_da", "type": "text", "policy": "latest"},
        {"name": "title_zh", "type": "text", "policy": "latest"},
        {"name": "summary", "type": "text", "policy": "text"},
        {"name": "status", "type": "enum", "policy": "latest", "values": ["idea", "preparing", "agreed", "active", "paused", "completed", "cancelled"], "default": "idea"},
        {"name": "programme", "type": "reference", "policy": "latest", "to": ["programme"]},
        {"name": "focus", "type": "set", "policy": "set"},
        {"name": "lead_dk", "type": "reference", "policy": "review", "to": ["organisation"]},
        {"name": "lead_cn", "type": "reference", "policy": "review", "to": ["organisation"]},
        {"name": "partners", "type": "set", "policy": "set"},
        {"name": "places", "type": "set", "policy": "set"},
        {"name": "start", "type": "date", "policy": "review"},
        {"name": "end", "type": "date", "policy": "review"},
        {"name": "owner", "type": "reference", "policy": "latest", "to": ["contact"]},
        {"name": "risk_review", "type": "enum", "policy": "max", "values": ["none", "needed", "done"], "default": "none"},
        {"name": "dac", "type": "set", "policy": "set"},
        {"name": "sdg", "type": "set", "policy": "set", "values": ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17"]},
        {"name": "progress", "type": "integer", "policy": "latest", "least": 0, "greatest": 100},
        {"name": "source_url", "type": "set", "policy": "set"},
        {"name": "confidence", "type": "enum", "policy": "latest", "values": ["low", "medium", "high"]},
        {"name": "tags", "type": "set", "policy": "set"},
        {"name": "sensitivity", "type": "enum", "policy": "max", "values": ["open", "internal", "restricted"], "default": "internal"}
      ]
    },
    {
      "name": "task",
      "label": {"en": "Task", "da": "Opgave", "zh": "任务"},
      "fields": [
        {"name": "project", "type": "reference", "policy": "review", "to": ["project"], "parent": true},
        {"name": "title", "type": "text", "policy": "latest"},
        {"name": "body", "type": "text", "policy": "text"},
        {"name": "status", "type": "enum", "policy": "latest", "values": ["open", "doing", "blocked", "done", "dropped"], "default": "open"},
        {"name": "assignees", "type": "set", "policy": "set"},
        {"name": "due", "type": "date", "policy": "latest"},
        {"name": "priority", "type": "enum", "policy": "latest", "values": ["low", "normal", "high"]},
        {"name": "depends_on", "type": "set", "policy": "set", "references": true, "to": ["task"]},
        {"name": "estimate_h", "type": "integer", "policy": "latest", "least": 0},
        {"name": "spent_h", "type": "counter", "policy": "counter"},
        {"name": "done_at", "type": "date", "policy": "min"},
        {"name": "tags", "type": "set", "policy": "set"},
        {"name": "sensitivity", "type": "enum", "policy": "max", "values": ["open", "internal", "restricted"], "default": "internal"}
      ]
    },
    {
      "name": "milestone",
      "label": {"en": "Milestone", "da": "Milepæl", "zh": "里程碑"},
      "fields": [
        {"name": "project", "type": "reference", "policy": "review", "to": ["project"], "parent": true},
        {"name": "title", "type": "text", "policy": "latest"},
        {"name": "kind", "type": "text", "policy": "latest"},
        {"name": "planned", "type": "date", "policy": "latest"},
        {"name": "baseline", "type": "date", "policy": "review"},
        {"name": "actual", "type": "date", "policy": "review"},
        {"name": "status", "type": "enum", "policy": "latest", "values": ["planned", "met", "missed", "moved"], "default": "planned"},
        {"name": "evidence", "type": "set", "policy": "set"},
        {"name": "tags", "type": "set", "policy": "set"},
        {"name": "sensitivity", "type": "enum", "policy": "max", "values": ["open", "internal", "restricted"], "default": "internal"}
      ]
    },
    {
      "name": "organisation",
      "label": {"en": "Organisation", "da": "Organisation", "zh": "机构"},
      "fields": [
        {"name": "name_en", "type": "text", "policy": "latest"},
        {"name": "name_da", "type": "text", "policy": "latest"},
        {"name": "name_zh", "type": "text", "policy": "latest"},
        {"name": "short", "type": "text", "policy": "latest"},
        {"name": "kind", "type": "text", "policy": "latest"},
        {"name": "country", "type": "text", "policy": "review"},
        {"name": "cvr", "type": "text", "policy": "review"},
        {"name": "uscc", "type": "text", "policy": "review"},
        {"name": "division", "type": "text", "policy": "latest"},
        {"name": "parent", "type": "reference", "policy": "latest", "to": ["organisation"]},
        {"name": "successor", "type": "reference", "policy": "review", "to": ["organisation"]},
        {"name": "valid_from", "type": "date", "policy": "review"},
        {"name": "valid_to", "type": "date", "policy": "review"},
        {"name": "website", "type": "text", "policy": "latest"},
        {"name": "tags", "type": "set", "policy": "set"},
        {"name": "sensitivity", "type": "enum", "policy": "max", "values": ["open", "internal", "restricted"], "default": "internal"}
      ]
    },
    {
      "name": "contact",
      "label": {"en": "Contact", "da": "Kontakt", "zh": "联系人"},
      "fields": [
        {"name": "family", "type": "text", "policy": "latest"},
        {"name": "given", "type": "text", "policy": "latest"},
        {"name": "name_zh", "type": "text", "policy": "latest"},
        {"name": "name_order", "type": "enum", "policy": "latest", "values": ["given-first", "family-first"]},
        {"name": "organisation", "type": "reference", "policy": "latest", "to": ["organisation"]},
        {"name": "role", "type": "text", "policy": "latest"},
        {"name": "emails", "type": "set", "policy": "set"},
        {"name": "phones", "type": "set", "policy": "set"},
        {"name": "languages", "type": "set", "policy": "set"},
        {"name": "retain_until", "type": "date", "policy": "min"},
        {"name": "consent_note", "type": "text", "policy": "review"},
        {"name": "tags", "type": "set", "policy": "set"},
        {"name": "sensitivity", "type": "enum", "policy": "max", "values": ["open", "internal", "restricted"], "default": "internal"}
      ]
    },
    {
      "name": "agreement",
      "label": {"en": "Agreement", "da": "Aftale", "zh": "协议"},
      "fields": [
        {"name": "title_en", "type": "text", "policy": "latest"},
        {"name": "title_da", "type": "text", "policy": "latest"},
        {"name": "title_zh", "type": "text", "policy": "latest"},
        {"name": "kind", "type": "text", "policy": "review"},
        {"name": "parties", "type": "set", "policy": "set"},
        {"name": "programme", "type": "reference", "policy": "latest", "to": ["programme"]},
        {"name": "signed", "type": "date", "policy": "review"},
        {"name": "in_force", "type": "date", "policy": "review"},
        {"name": "expires", "type": "date", "policy": "review"},
        {"name": "status", "type": "enum", "policy": "latest", "values": ["draft", "under-approval", "signed", "in-force", "expired", "terminated"], "default": "draft"},
        {"name": "languages", "type": "set", "policy": "set"},
        {"name": "focus", "type": "set", "policy": "set"},
        {"name": "places", "type": "set", "policy": "set"},
        {"name": "notes", "type": "text", "policy": "text"},
        {"name": "source_url", "type": "set", "policy": "set"},
        {"name": "confidence", "type": "enum", "policy": "latest", "values": ["low", "medium", "high"]},
        {"name": "text_sha256", "type": "text", "policy": "review"},
        {"name": "journal_no", "type": "text", "policy": "review"},
        {"name": "tags", "type": "set", "policy": "set"},
        {"name": "sensitivity", "type": "enum", "policy": "max", "values": ["open", "internal", "restricted"], "default": "internal"}
      ]
    },
    {
      "name": "visit",
      "label": {"en": "Visit", "da": "Besøg", "zh": "访问"},
      "fields": [
        {"name": "title_en", "type": "text", "policy": "latest"},
        {"name": "title_da", "type": "text", "policy": "latest"},
        {"name": "title_zh", "type": "text", "policy": "latest"},
        {"name": "direction", "type": "enum", "policy": "review", "values": ["dk-cn", "cn-dk"]},
        {"name": "start", "type": "date", "policy": "latest"},
        {"name": "end", "type": "date", "policy": "latest"},
        {"name": "zone", "type": "text", "policy": "latest"},
        {"name": "places", "type": "set", "policy": "set"},
        {"name": "heads", "type": "set", "policy": "set"},
        {"name": "delegation", "type": "set", "policy": "set"},
        {"name": "status", "type": "enum", "policy": "latest", "values": ["proposed", "invited", "confirmed", "held", "postponed", "cancelled"], "default": "proposed"},
        {"name": "brief", "type": "text", "policy": "text"},
        {"name": "focus", "type": "set", "policy": "set"},
        {"name": "source_url", "type": "set", "policy": "set"},
        {"name": "confidence", "type": "enum", "policy": "latest", "values": ["low", "medium", "high"]},
        {"name": "tags", "type": "set", "policy": "set"},
        {"name": "sensitivity", "type": "enum", "policy": "max", "values": ["open", "internal", "restricted"], "default": "internal"}
      ]
    },
    {
      "name": "session",
      "label": {"en": "Session", "da": "Programpunkt", "zh": "日程项目"},
      "fields": [
        {"name": "visit", "type": "reference", "policy": "review", "to": ["visit"], "parent": true},
        {"name": "time", "type": "time", "policy": "latest"},
        {"name": "place", "type": "text", "policy": "latest"},
        {"name": "title", "type": "text", "policy": "latest"},
        {"name": "participants", "type": "set", "policy": "set"},
        {"name": "tags", "type": "set", "policy": "set"},
        {"name": "sensitivity", "type": "enum", "policy": "max", "values": ["open", "internal", "restricted"], "default": "internal"}
      ]
    },
    {
      "name": "meeting",
      "label": {"en": "Meeting", "da": "Møde", "zh": "会议"},
      "fields": [
        {"name": "title", "type": "text", "policy": "latest"},
        {"name": "project", "type": "reference", "policy": "latest", "to": ["project"]},
        {"name": "programme", "type": "reference", "policy": "latest", "to": ["programme"]},
        {"name": "at", "type": "time", "policy": "latest"},
        {"name": "attendees", "type": "set", "policy": "set"},
        {"name": "agenda", "type": "text", "policy": "text"},
        {"name": "minutes", "type": "text", "policy": "text"},
        {"name": "status", "type": "enum", "policy": "latest", "values": ["draft", "circulated", "agreed", "journalised"], "default": "draft"},
        {"name": "tags", "type": "set", "policy": "set"},
        {"name": "sensitivity", "type": "enum", "policy": "max", "values": ["open", "internal", "restricted"], "default": "internal"}
      ]
    },
    {
      "name": "decision",
      "label": {"en": "Decision", "da": "Beslutning", "zh": "决定"},
      "fields": [
        {"name": "meeting", "type": "reference", "policy": "review", "to": ["meeting"], "parent": true},
        {"name": "text", "type": "text", "policy": "text"},
        {"name": "decided", "type": "date", "policy": "review"},
        {"name": "tags", "type": "set", "policy": "set"},
        {"name": "sensitivity", "type": "enum", "policy": "max", "values": ["open", "internal", "restricted"], "default": "internal"}
      ]
    },
    {
      "name": "indicator",
      "label": {"en": "Indicator", "da": "Indikator", "zh": "指标"},
      "fields": [
        {"name": "project", "type": "reference", "policy": "review", "to": ["project"], "parent": true},
        {"name": "name", "type": "text", "policy": "latest"},
        {"name": "unit", "type": "text", "policy": "review"},
        {"name": "baseline", "type": "integer", "policy": "review"},
        {"name": "target", "type": "integer", "policy": "review"},
        {"name": "tags", "type": "set", "policy": "set"},
        {"name": "sensitivity", "type": "enum", "policy": "max", "values": ["open", "internal", "restricted"], "default": "internal"}
      ]
    },
    {
      "name": "reading",
      "label": {"en": "Reading", "da": "Måling", "zh": "读数"},
      "fields": [
        {"name": "indicator", "type": "reference", "policy": "review", "to": ["indicator"], "parent": true},
        {"name": "date", "type": "date", "policy": "review"},
        {"name": "value", "type": "integer", "policy": "review"},
        {"name": "note", "type": "text", "policy": "text"},
        {"name": "tags", "type": "set", "policy": "set"},
        {"name": "sensitivity", "type": "enum", "policy": "max", "values": ["open", "internal", "restricted"], "default": "internal"}
      ]
    },
    {
      "name": "budget_line",
      "label": {"en": "Budget line", "da": "Budgetlinje", "zh": "预算项"},
      "fields": [
        {"name": "project", "type": "reference", "policy": "review", "to": ["project"], "parent": true},
        {"name": "kind", "type": "enum", "policy": "review", "values": ["budget", "commitment", "disbursement"]},
        {"name": "amount", "type": "money", "policy": "review"},
        {"name": "currency", "type": "enum", "policy": "review", "values": ["DKK", "CNY", "EUR", "USD"]},
        {"name": "period", "type": "date", "policy": "review"},
        {"name": "source", "type": "text", "policy": "latest"},
        {"name": "note", "type": "text", "policy": "text"},
        {"name": "tags", "type": "set", "policy": "set"},
        {"name": "sensitivity", "type": "enum", "policy": "max", "values": ["open", "internal", "restricted"], "default": "internal"}
      ]
    },
    {
      "name": "document",
      "label": {"en": "Document", "da": "Dokument", "zh": "文件"},
      "fields": [
        {"name": "record", "type": "reference", "policy": "review", "parent": true},
        {"name": "title", "type": "text", "policy": "latest"},
        {"name": "lang", "type": "text", "policy": "review"},
        {"name": "sha256", "type": "text", "policy": "review"},
        {"name": "size", "type": "integer", "policy": "review", "least": 0},
        {"name": "direction", "type": "enum", "policy": "latest", "values": ["received", "sent", "internal"]},
        {"name": "received_at", "type": "date", "policy": "review"},
        {"name": "sent_at", "type": "date", "policy": "review"},
        {"name": "subject", "type": "text", "policy": "latest"},
        {"name": "journal_no", "type": "text", "policy": "review"},
        {"name": "links", "type": "set", "policy": "set"},
        {"name": "tags", "type": "set", "policy": "set"},
        {"name": "sensitivity", "type": "enum", "policy": "max", "values": ["open", "internal", "restricted"], "default": "internal"}
      ]
    },
    {
      "name": "risk",
      "label": {"en": "Risk", "da": "Risiko", "zh": "风险"},
      "fields": [
        {"name": "project", "type": "reference", "policy": "review", "to": ["project"], "parent": true},
        {"name": "text", "type": "text", "policy": "text"},
        {"name": "likelihood", "type": "integer", "policy": "max", "least": 1, "greatest": 5},
        {"name": "impact", "type": "integer", "policy": "max", "least": 1, "greatest": 5},
        {"name": "owner", "type": "reference", "policy": "latest", "to": ["contact"]},
        {"name": "status", "type": "enum", "policy": "latest", "values": ["open", "mitigated", "closed"], "default": "open"},
        {"name": "tags", "type": "set", "policy": "set"},
        {"name": "sensitivity", "type": "enum", "policy": "max", "values": ["open", "internal", "restricted"], "default": "internal"}
      ]
    },
    {
      "name": "comment",
      "label": {"en": "Comment", "da": "Kommentar", "zh": "评论"},
      "fields": [
        {"name": "record", "type": "reference", "policy": "review", "parent": true},
        {"name": "body", "type": "text", "policy": "review"},
        {"name": "tags", "type": "set", "policy": "set"},
        {"name": "sensitivity", "type": "enum", "policy": "max", "values": ["open", "internal", "restricted"], "default": "internal"}
      ]
    }
  ]
}
"""###
