//! Words that ask nothing of a step: they show what it says of itself, or open a shell (contract 2.7).

/// What a person can look with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Every step of the run, a line each.
    Status,
    /// Whether the step is held, as an exit code.
    Probe,
    /// A shell in the step's folder and environment.
    Shell,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct ToolDefinition {
    /// The tool.
    pub tool: Tool,
    /// Its name on the command line.
    pub name: &'static str,
    /// What stands behind it on the command line.
    pub arguments: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// The debug scripts that stand for it.
    pub scripts: &'static [&'static str],
}

/// Every tool, in the order of help.
pub const TOOLS: [ToolDefinition; 3] = [
    ToolDefinition {
        tool: Tool::Status,
        name: "status",
        arguments: "[--watch]",
        summary: "show every step of the run, a line each",
        scripts: &["debug-status"],
    },
    ToolDefinition {
        tool: Tool::Probe,
        name: "probe",
        arguments: "",
        summary: "exit 1 while the step is paused or held, saying why: for a readiness probe",
        scripts: &[],
    },
    ToolDefinition {
        tool: Tool::Shell,
        name: "shell",
        arguments: "",
        summary: "open the best shell there is, in the step's folder and environment",
        scripts: &["debug-shell"],
    },
];

impl Tool {
    /// The tool of this name.
    pub fn named(name: &str) -> Option<Self> {
        TOOLS.iter().find(|row| row.name == name).map(|row| row.tool)
    }

    /// Its row of the table.
    pub fn definition(self) -> &'static ToolDefinition {
        &TOOLS[self as usize]
    }
}
