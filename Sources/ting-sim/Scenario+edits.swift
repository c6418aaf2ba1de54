// SPDX-License-Identifier: Apache-2.0

/// The statements that people run.
extension Scenario.Edit {
    static func project(_ index: Int) -> String { "01890000-0000-7000-8000-00000000010\(index)" }
    static func task(_ index: Int) -> String { "01890000-0000-7000-8000-00000000020\(index)" }

    /// Writes a project's title, whether the project is there or not.
    static func again(_ project: String, _ mark: String) -> String {
        """
        INSERT INTO project (id, title) VALUES ('\(project)', '\(mark)')
        ON CONFLICT (id) DO UPDATE SET title = excluded.title
        """
    }

    /// What any SQLite tool would run; `mark` is in every value that it writes.
    func sql(_ mark: String) -> String {
        func set(_ index: Int, _ assignments: String) -> String {
            "UPDATE project SET \(assignments) WHERE id = '\(Self.project(index))'"
        }
        switch self {
        case .insertProject(let index):
            return """
                INSERT INTO project (id, title, summary, hours)
                VALUES ('\(Self.project(index))', '\(mark)', '\(mark) one', 2)
                ON CONFLICT (id) DO UPDATE SET title = excluded.title
                """
        case .insertTask(let index, let project):
            return """
                INSERT OR IGNORE INTO task (id, project, title)
                SELECT '\(Self.task(index))', id, '\(mark)' FROM project
                WHERE id = '\(Self.project(project))'
                """
        case .title(let index): return set(index, "title = '\(mark)'")
        case .summaryLine(let index):
            return set(index, "summary = coalesce(summary, '') || char(10) || '\(mark) line'")
        case .summaryWord(let index):
            return set(index, "summary = replace(summary, 'one', 'one \(mark)')")
        case .clearSummary(let index): return set(index, "summary = NULL")
        case .status(let index, let value):
            return set(index, "status = '\(["idea", "active", "done"][value])'")
        case .addPartner(let index):
            return set(index, "partners = json_insert(partners, '$[#]', '\(mark)')")
        case .removePartner(let index):
            return set(index, "partners = json_remove(partners, '$[0]')")
        case .hours(let index, let step): return set(index, "hours = hours + \(step)")
        case .sensitivity(let index, let value):
            return set(index, "sensitivity = '\(["open", "internal", "restricted"][value])'")
        case .retain(let index, let year): return set(index, "retain = '\(year)'")
        case .budget(let index): return set(index, "budget = abs(random() % 1000)")
        case .code(let index, let value): return set(index, "code = 'C\(value)'")
        case .same(let index): return set(index, "title = title")
        case .moveTask(let index, let project):
            return """
                UPDATE task SET project = '\(Self.project(project))' WHERE id = '\(Self.task(index))'
                AND EXISTS (SELECT 1 FROM project WHERE id = '\(Self.project(project))')
                """
        case .taskTitle(let index):
            return "UPDATE task SET title = '\(mark)' WHERE id = '\(Self.task(index))'"
        case .deleteProject(let index):
            return "DELETE FROM project WHERE id = '\(Self.project(index))'"
        case .deleteTask(let index): return "DELETE FROM task WHERE id = '\(Self.task(index))'"
        case .replaceProject(let index):
            return """
                REPLACE INTO project (id, title, code)
                VALUES ('\(Self.project(index))', '\(mark)', '\(mark)')
                """
        case .invalid(let index): return set(index, "status = '\(mark)', title = '\(mark)'")
        case .undone(let index):
            return set(index, "title = title || 'x'") + "; "
                + set(index, "title = substr(title, 1, length(title) - 1)")
        case .restoreProject(let index):
            return """
                INSERT INTO project (id, title) VALUES ('\(Self.project(index))', '\(mark)')
                ON CONFLICT DO NOTHING
                """
        }
    }
}
