//! Rust code as a tree, laid out as rustfmt would.

/// The longest line.
const WIDTH: usize = 120;

/// An expression of a migration file.
#[derive(Debug, Clone)]
pub(super) enum Code {
    /// As it is.
    Plain(String),
    /// Something before a bracket, arguments, and the bracket's end: a call, a list or a macro.
    Call(String, Vec<Code>, char),
    /// Methods called one on the result of the other: each with its arguments.
    Chain(Box<Code>, Vec<(&'static str, Vec<Code>)>),
}

impl Code {
    pub(super) fn plain(text: impl Into<String>) -> Code {
        Code::Plain(text.into())
    }

    pub(super) fn text(text: &str) -> Code {
        Code::Plain(format!("{text:?}"))
    }

    /// A text of which each line may begin with more blanks, its quotes as they are.
    pub(super) fn raw_text(text: &str) -> Code {
        // As many signs as no quote in it is followed by.
        let mut signs = "#".to_owned();
        while text.contains(&format!("\"{signs}")) {
            signs.push('#');
        }
        Code::Plain(format!("r{signs}\"{text}\"{signs}"))
    }

    pub(super) fn call(function: &str, arguments: Vec<Code>) -> Code {
        Code::Call(format!("{function}("), arguments, ')')
    }

    pub(super) fn array(items: Vec<Code>) -> Code {
        Code::Call("[".to_owned(), items, ']')
    }

    pub(super) fn vec(items: Vec<Code>) -> Code {
        Code::Call("vec![".to_owned(), items, ']')
    }

    /// Calls a method on it.
    pub(super) fn then(self, method: &'static str, arguments: Vec<Code>) -> Code {
        match self {
            Code::Chain(head, mut calls) => {
                calls.push((method, arguments));
                Code::Chain(head, calls)
            }
            head => Code::Chain(Box::new(head), vec![(method, arguments)]),
        }
    }

    /// Lays it out from a column on, with `after` characters to follow on its last line.
    pub(super) fn lay_out(&self, indent: usize, after: usize, out: &mut String) {
        let used = out.len() - out.rfind('\n').map_or(0, |end| end + 1);
        let line = self.line();
        if !line.contains('\n') && used + line.chars().count() + after <= WIDTH {
            out.push_str(&line);
            return;
        }
        match self {
            Code::Plain(text) => {
                for (place, line) in text.split('\n').enumerate() {
                    if place > 0 {
                        new_line(indent, out);
                    }
                    out.push_str(line);
                }
            }
            Code::Call(head, arguments, end) => {
                out.push_str(head);
                match arguments.as_slice() {
                    // A list that is the only argument is opened on the same line.
                    [list @ Code::Call(_, _, ']')] => list.lay_out(indent, 1, out),
                    arguments => broken(arguments, indent, out),
                }
                out.push(*end);
            }
            Code::Chain(head, calls) => {
                head.lay_out(indent, 0, out);
                for (method, arguments) in calls {
                    new_line(indent + 4, out);
                    Code::call(&format!(".{method}"), arguments.clone()).lay_out(indent + 4, 0, out);
                }
            }
        }
    }

    fn line(&self) -> String {
        let join = |arguments: &[Code]| arguments.iter().map(Code::line).collect::<Vec<_>>().join(", ");
        match self {
            Code::Plain(text) => text.clone(),
            Code::Call(head, arguments, end) => format!("{head}{}{end}", join(arguments)),
            Code::Chain(head, calls) => {
                let mut line = head.line();
                for (method, arguments) in calls {
                    line.push_str(&format!(".{method}({})", join(arguments)));
                }
                line
            }
        }
    }
}

/// One argument a line.
fn broken(arguments: &[Code], indent: usize, out: &mut String) {
    for argument in arguments {
        new_line(indent + 4, out);
        argument.lay_out(indent + 4, 1, out);
        out.push(',');
    }
    new_line(indent, out);
}

fn new_line(indent: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}
