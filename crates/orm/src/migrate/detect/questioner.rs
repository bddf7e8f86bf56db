//! What the models alone do not tell, and who answers it.

use std::cell::Cell;

use crate::engine::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::field::Kind;
use crate::model::{Field, ModelDef, Models, Schema};
use crate::query::check;
use crate::sql::prepare;
use crate::value::Value;

/// Answers what the detector cannot know. `None` says that nobody knows: where that leaves a doubt, [`detect_with`]
/// fails and lists what to answer.
///
/// [`detect_with`]: super::detect_with
pub trait Questioner {
    /// Whether a model that is gone is one that is new, under another name.
    ///
    /// # Errors
    /// If asking fails: the detection ends with it.
    fn renamed_model(&mut self, question: &RenamedModel<'_>) -> Result<Option<bool>>;

    /// Whether a field that is gone is one that is new, under another name.
    ///
    /// # Errors
    /// If asking fails: the detection ends with it.
    fn renamed_field(&mut self, question: &RenamedField<'_>) -> Result<Option<bool>>;

    /// What rows get that exist already and would have nothing.
    ///
    /// # Errors
    /// If asking fails: the detection ends with it.
    fn fill(&mut self, question: &Fill<'_>) -> Result<Option<Filling>>;

    /// Whether something that cannot be altered in place may be dropped, with what it holds, and made anew.
    ///
    /// # Errors
    /// If asking fails: the detection ends with it.
    fn replaced(&mut self, question: &Replaced<'_>) -> Result<Option<bool>>;
}

/// A model is gone, and one is new in its app.
#[derive(Debug, Clone, Copy)]
pub struct RenamedModel<'a> {
    /// The one that is gone.
    pub from: &'a ModelDef,
    /// The one that is new.
    pub to: &'a ModelDef,
    /// Whether they are so much alike that it must be asked.
    pub alike: bool,
}

/// A field is gone, and one is new in its model.
#[derive(Debug, Clone, Copy)]
pub struct RenamedField<'a> {
    /// The model, under its new name.
    pub model: &'a ModelDef,
    /// The one that is gone.
    pub from: &'a Field,
    /// The one that is new.
    pub to: &'a Field,
    /// Whether they are so much alike that it must be asked.
    pub alike: bool,
}

/// A column may not be null, and rows that exist would have nothing in it.
#[derive(Debug, Clone, Copy)]
pub struct Fill<'a> {
    /// The model.
    pub model: &'a ModelDef,
    /// The field.
    pub field: &'a Field,
    /// What the column holds: for a key, what it refers to.
    pub kind: &'a Kind,
    /// Whether the column is new; otherwise it was there, and could be null.
    pub new: bool,
}

impl Fill<'_> {
    /// The value that a text stands for in this column.
    ///
    /// # Errors
    /// [`ErrorKind::Migration`] if it is none that the column holds.
    pub fn parse(&self, text: &str) -> Result<Value> {
        self.read(text).map_err(|error| {
            let place = format!("{}.{}", self.model.label(), self.field.name);
            if self.kind.is_encrypted() {
                return Error::new(ErrorKind::Migration, format!("{place}: {error}"));
            }
            Error::new(ErrorKind::Migration, format!("`{text}` does not fit {place}: {error}"))
        })
    }

    fn read(&self, text: &str) -> Result<Value> {
        let wrong = |what: &str| Error::new(ErrorKind::Value, format!("{} expects {what}", self.kind.class_name()));
        let value = match self.kind {
            Kind::Encrypted { .. } => {
                let text = "no value to be encrypted stands in a migration: give rows theirs by `run_rust`";
                return Err(Error::new(ErrorKind::Value, text));
            }
            Kind::Json => {
                serde_json::from_str(text).map(Value::Json).map_err(|error| wrong(&format!("JSON: {error}")))?
            }
            Kind::Binary => {
                let digits = text.as_bytes().chunks(2);
                let byte = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|it| u8::from_str_radix(it, 16).ok());
                let bytes: Option<Vec<u8>> = digits.map(byte).collect();
                bytes.map(Value::Bytes).ok_or_else(|| wrong("pairs of hexadecimal digits"))?
            }
            Kind::Boolean => match text.to_lowercase().as_str() {
                "true" | "yes" | "1" => Value::Bool(true),
                "false" | "no" | "0" => Value::Bool(false),
                _ => return Err(wrong("true or false")),
            },
            kind => prepare(kind, Value::Text(text.to_owned()))?,
        };
        // The checks of a write: range, length, digits.
        let mut column = Field::new(self.field.name.clone(), self.kind.clone());
        column.schema.clone_from(&self.field.schema);
        let model = ModelDef::new("fill", "Fill").field(column).primary_key(self.field.name.clone());
        let schema = Schema::new(&Models::new().with_definition(model), Dialect::Postgres)?;
        if let [entry] = schema.entries()
            && let [column] = entry.columns.as_slice()
        {
            check::admit(entry, column, value.clone())?;
        }
        Ok(value)
    }
}

/// What rows get that exist already.
#[derive(Debug, Clone, PartialEq)]
pub enum Filling {
    /// This value, all of them.
    Value(Value),
    /// Nothing: the migration fails if there is a row that would need it. Not for a new column.
    Nothing,
}

/// Something cannot be altered in place.
#[derive(Debug, Clone, Copy)]
pub struct Replaced<'a> {
    /// The model.
    pub model: &'a ModelDef,
    /// The field; the model's whole table if `None`.
    pub field: Option<&'a Field>,
    /// What has become of it, and what will be lost.
    pub why: &'a str,
}

/// What an answer is about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum About {
    Model { app: String, model: String },
    Field { app: String, model: String, field: String },
}

impl About {
    /// Reads `app.Model` or `app.Model.field`.
    fn read(option: &str, text: &str) -> Result<About> {
        match text.split('.').collect::<Vec<_>>()[..] {
            [app, model] if !app.is_empty() && !model.is_empty() => {
                Ok(About::Model { app: app.to_owned(), model: model.to_owned() })
            }
            [app, model, field] if !app.is_empty() && !model.is_empty() && !field.is_empty() => {
                Ok(About::Field { app: app.to_owned(), model: model.to_owned(), field: field.to_owned() })
            }
            _ => Err(wrong(format!("{option} {text}: what it is about must be `app.Model` or `app.Model.field`"))),
        }
    }

    fn read_field(option: &str, text: &str) -> Result<About> {
        match About::read(option, text)? {
            field @ About::Field { .. } => Ok(field),
            About::Model { .. } => Err(wrong(format!("{option} {text}: name a field, as `app.Model.field`"))),
        }
    }

    fn is_model(&self, other: &ModelDef) -> bool {
        matches!(self, About::Model { app, model } if *app == other.app && *model == other.name)
    }

    fn is_field(&self, of: &ModelDef, name: &str) -> bool {
        matches!(self, About::Field { app, model, field } if *app == of.app && *model == of.name && field == name)
    }
}

#[derive(Debug, Clone)]
struct Answer {
    about: About,
    says: Says,
    /// As it was given.
    text: String,
    used: Cell<bool>,
}

#[derive(Debug, Clone)]
enum Says {
    Renamed { to: String },
    NotRenamed,
    Fill { value: String },
    NoFill,
    Replace,
}

/// Answers given beforehand, as options of `makemigrations`.
///
/// ```
/// # use nuages_orm::migrate::Answers;
/// # fn main() -> nuages_orm::Result<()> {
/// let answers = Answers::new().rename("shop.Book.pages=sheets")?.fill("shop.Book.rating=3")?;
/// assert_eq!(answers.unused(), ["--rename shop.Book.pages=sheets", "--fill shop.Book.rating=3"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Answers {
    answers: Vec<Answer>,
}

impl Answers {
    /// No answers.
    pub fn new() -> Self {
        Answers::default()
    }

    /// `app.Model=New` or `app.Model.field=new`: it has another name now.
    ///
    /// # Errors
    /// [`ErrorKind::Migration`] if it does not have that form.
    pub fn rename(self, text: &str) -> Result<Self> {
        let form = || wrong(format!("--rename {text}: say it as `app.Old=New` or `app.Model.old=new`"));
        let (old, new) = text.split_once('=').ok_or_else(form)?;
        if new.is_empty() || new.contains(['.', '=']) {
            return Err(form());
        }
        Ok(self.add("--rename", text, About::read("--rename", old)?, Says::Renamed { to: new.to_owned() }))
    }

    /// `app.Model` or `app.Model.field`: it is gone, and has no other name.
    ///
    /// # Errors
    /// [`ErrorKind::Migration`] if it does not have that form.
    pub fn no_rename(self, text: &str) -> Result<Self> {
        Ok(self.add("--no-rename", text, About::read("--no-rename", text)?, Says::NotRenamed))
    }

    /// `app.Model.field=VALUE`: rows that have nothing there get this.
    ///
    /// # Errors
    /// [`ErrorKind::Migration`] if it does not have that form.
    pub fn fill(self, text: &str) -> Result<Self> {
        let (about, value) =
            text.split_once('=').ok_or_else(|| wrong(format!("--fill {text}: say it as `app.Model.field=VALUE`")))?;
        Ok(self.add("--fill", text, About::read_field("--fill", about)?, Says::Fill { value: value.to_owned() }))
    }

    /// `app.Model.field`: there are no rows that have nothing there.
    ///
    /// # Errors
    /// [`ErrorKind::Migration`] if it does not have that form.
    pub fn no_fill(self, text: &str) -> Result<Self> {
        Ok(self.add("--no-fill", text, About::read_field("--no-fill", text)?, Says::NoFill))
    }

    /// `app.Model` or `app.Model.field`: it may be dropped and made anew.
    ///
    /// # Errors
    /// [`ErrorKind::Migration`] if it does not have that form.
    pub fn replace(self, text: &str) -> Result<Self> {
        Ok(self.add("--replace", text, About::read("--replace", text)?, Says::Replace))
    }

    /// The answers that nobody asked for, as options.
    pub fn unused(&self) -> Vec<String> {
        self.answers.iter().filter(|answer| !answer.used.get()).map(|answer| answer.text.clone()).collect()
    }

    fn add(mut self, option: &str, text: &str, about: About, says: Says) -> Self {
        self.answers.push(Answer { about, says, text: format!("{option} {text}"), used: Cell::new(false) });
        self
    }

    fn renamed(
        &self,
        is_from: impl Fn(&About) -> bool,
        to: &str,
        is_to: impl Fn(&About, &str) -> bool,
    ) -> Option<bool> {
        for answer in &self.answers {
            match &answer.says {
                Says::NotRenamed if is_from(&answer.about) => {
                    answer.used.set(true);
                    return Some(false);
                }
                // What has one new name has no other, and the other way round.
                Says::Renamed { to: new } if is_from(&answer.about) => {
                    answer.used.set(answer.used.get() || new == to);
                    return Some(new == to);
                }
                Says::Renamed { to: new } if is_to(&answer.about, new) => return Some(false),
                _ => {}
            }
        }
        None
    }
}

impl Questioner for Answers {
    fn renamed_model(&mut self, question: &RenamedModel<'_>) -> Result<Option<bool>> {
        let (from, to) = (question.from, question.to);
        let is_to =
            |about: &About, new: &str| *new == to.name && matches!(about, About::Model { app, .. } if *app == to.app);
        Ok(self.renamed(|about| about.is_model(from), &to.name, is_to))
    }

    fn renamed_field(&mut self, question: &RenamedField<'_>) -> Result<Option<bool>> {
        let (model, to) = (question.model, &question.to.name);
        let is_to = |about: &About, new: &str| match about {
            About::Field { app, model: of, .. } => new == to && *app == model.app && *of == model.name,
            About::Model { .. } => false,
        };
        Ok(self.renamed(|about| about.is_field(model, &question.from.name), to, is_to))
    }

    fn fill(&mut self, question: &Fill<'_>) -> Result<Option<Filling>> {
        for answer in self.answers.iter().filter(|it| it.about.is_field(question.model, &question.field.name)) {
            let filling = match &answer.says {
                Says::Fill { value } => Filling::Value(question.parse(value)?),
                Says::NoFill if question.new => {
                    let message = "the field is new, and all rows have nothing in it; give them a value with --fill";
                    return Err(wrong(format!("{}: {message}", answer.text)));
                }
                Says::NoFill => Filling::Nothing,
                _ => continue,
            };
            answer.used.set(true);
            return Ok(Some(filling));
        }
        Ok(None)
    }

    fn replaced(&mut self, question: &Replaced<'_>) -> Result<Option<bool>> {
        let is_meant = |about: &About| match question.field {
            Some(field) => about.is_field(question.model, &field.name),
            None => about.is_model(question.model),
        };
        let mut given = self.answers.iter().filter(|it| matches!(it.says, Says::Replace) && is_meant(&it.about));
        Ok(given.next().map(|answer| {
            answer.used.set(true);
            true
        }))
    }
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Migration, message)
}
