//! Operations by a single letter.

use super::operation::Operation;

impl Operation {
    /// Whether it adds (`+`), removes (`-`) or alters (`~`), runs SQL (`s`), or does something else (`?`): what
    /// `makemigrations` prints before each, as Django does.
    pub fn sign(&self) -> char {
        use Operation::*;
        match self {
            CreateModel(_) | AddField { .. } | AddIndex { .. } | AddConstraint { .. } => '+',
            AddIndexConcurrently { .. } | AddConstraintNotValid { .. } => '+',
            DeleteModel { .. } | RemoveField { .. } | RemoveIndex { .. } | RemoveConstraint { .. } => '-',
            RemoveIndexConcurrently { .. } => '-',
            AlterUniqueTogether { .. }
            | AlterField { .. }
            | RenameField { .. }
            | RenameModel { .. }
            | AlterTable { .. }
            | AlterTableComment { .. }
            | AlterManaged { .. }
            | AlterPrimaryKey { .. }
            | RenameIndex { .. }
            | ValidateConstraint { .. } => '~',
            RunSql { .. } => 's',
            _ => '?',
        }
    }

    /// Whether nobody can tell what it does to rows, tables and models: SQL, functions, what was said apart.
    pub(super) fn is_opaque(&self) -> bool {
        self.sign() == '?' || self.sign() == 's'
    }

    /// Whether it holds a function, which cannot be written down.
    pub(super) fn holds_function(&self) -> bool {
        matches!(self, Operation::RunRust { .. })
    }
}
