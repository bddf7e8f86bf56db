//! Questions of `makemigrations`, asked in the terminal where no option answers them.

use std::io::{BufRead, Write};

use nuages_orm::migrate::{Answers, Fill, Filling, Questioner, RenamedField, RenamedModel, Replaced};
use nuages_orm::{Error, ErrorKind, Result, Value};

/// Asks a person what the answers given beforehand leave open.
pub(crate) struct Terminal<'a> {
    answers: &'a mut Answers,
    input: &'a mut dyn BufRead,
    output: &'a mut dyn Write,
}

impl<'a> Terminal<'a> {
    pub(crate) fn new(answers: &'a mut Answers, input: &'a mut dyn BufRead, output: &'a mut dyn Write) -> Self {
        Terminal { answers, input, output }
    }

    /// The line that is typed after a prompt.
    fn ask(&mut self, prompt: &str) -> Result<String> {
        let mut line = String::new();
        let read = self
            .output
            .write_all(prompt.as_bytes())
            .and_then(|()| self.output.flush())
            .and_then(|()| self.input.read_line(&mut line));
        match read {
            Ok(0) => Err(wrong("the input ended before all was answered; nothing was written")),
            Ok(_) => Ok(line.trim_end_matches(['\r', '\n']).to_owned()),
            Err(error) => Err(wrong("the terminal cannot be read; nothing was written").with_source(error)),
        }
    }

    /// Yes or no; no, if only Return is pressed.
    fn is_so(&mut self, question: &str) -> Result<bool> {
        let mut prompt = format!("{question} [y/N] ");
        loop {
            match self.ask(&prompt)?.trim().to_lowercase().as_str() {
                "y" | "yes" => return Ok(true),
                "" | "n" | "no" => return Ok(false),
                _ => "Please answer y or n: ".clone_into(&mut prompt),
            }
        }
    }

    fn value(&mut self, question: &Fill<'_>) -> Result<Value> {
        let prompt = format!("Value ({}): ", question.kind.class_name());
        loop {
            let text = self.ask(&prompt)?;
            match question.parse(&text) {
                Ok(value) => return Ok(value),
                Err(error) => {
                    let told = writeln!(self.output, "{error}");
                    told.map_err(|error| wrong("the terminal cannot be written to").with_source(error))?;
                }
            }
        }
    }
}

fn wrong(message: &str) -> Error {
    Error::new(ErrorKind::Migration, message)
}

impl Questioner for Terminal<'_> {
    fn renamed_model(&mut self, question: &RenamedModel<'_>) -> Result<Option<bool>> {
        let known = self.answers.renamed_model(question)?;
        if known.is_some() || !question.alike {
            return Ok(known);
        }
        self.is_so(&format!("Was the model {} renamed to {}?", question.from.label(), question.to.name)).map(Some)
    }

    fn renamed_field(&mut self, question: &RenamedField<'_>) -> Result<Option<bool>> {
        let known = self.answers.renamed_field(question)?;
        if known.is_some() || !question.alike {
            return Ok(known);
        }
        let (model, to) = (question.model.label(), &question.to.name);
        let kind = question.to.kind.class_name();
        self.is_so(&format!("Was {model}.{} renamed to {model}.{to} (a {kind})?", question.from.name)).map(Some)
    }

    fn fill(&mut self, question: &Fill<'_>) -> Result<Option<Filling>> {
        if let Some(known) = self.answers.fill(question)? {
            return Ok(Some(known));
        }
        let label = format!("{}.{}", question.model.label(), question.field.name);
        let mut prompt = if question.new {
            format!("{label} may not be null, and rows that exist would have nothing in it.\n")
        } else {
            format!("{label} may not be null any more, and rows may have nothing in it.\n")
        };
        prompt.push_str(" 1) Give them a value, once\n");
        if !question.new {
            prompt.push_str(" 2) There are none: fail if there are\n");
        }
        prompt.push_str(" q) Quit, to give the field a default or make it an Option\nYour choice: ");
        loop {
            match self.ask(&prompt)?.trim() {
                "1" => return self.value(question).map(|value| Some(Filling::Value(value))),
                "2" if !question.new => return Ok(Some(Filling::Nothing)),
                "q" | "Q" => return Err(wrong("quit; nothing was written")),
                _ => "Please choose one of these: ".clone_into(&mut prompt),
            }
        }
    }

    fn replaced(&mut self, question: &Replaced<'_>) -> Result<Option<bool>> {
        if let Some(known) = self.answers.replaced(question)? {
            return Ok(Some(known));
        }
        let label = match question.field {
            Some(field) => format!("{}.{}", question.model.label(), field.name),
            None => question.model.label(),
        };
        // No is no answer: the change cannot be made, and the error says what else to do.
        let agreed = self.is_so(&format!("{label}: {}. Drop it and make it anew?", question.why))?;
        Ok(agreed.then_some(true))
    }
}

#[cfg(test)]
mod tests {
    use nuages_orm::Models;
    use nuages_orm::migrate::{Field, Kind, Migration, ModelDef, Operation, detect, detect_with};

    use super::*;

    fn models(fields: impl IntoIterator<Item = Field>) -> Models {
        let book = ModelDef::new("shop", "Book").field(Field::new("id", Kind::BigAuto)).primary_key("id");
        Models::new().with_definition(fields.into_iter().fold(book, ModelDef::field))
    }

    /// The history of a book with pages, and what it is asked, typed and found then.
    fn typed(now: &Models, typed: &str, answers: Answers) -> (String, Result<Vec<Migration>>) {
        let past = [Field::new("pages", Kind::Integer), Field::new("note", Kind::Text).null(true)];
        let history = detect(&models(past), &[]).expect("a first migration");
        let (mut answers, mut asked) = (answers, Vec::new());
        let mut input = typed.as_bytes();
        let found = detect_with(now, &history, &mut Terminal::new(&mut answers, &mut input, &mut asked));
        (String::from_utf8(asked).expect("text"), found)
    }

    fn operations(found: Result<Vec<Migration>>) -> Vec<Operation> {
        found.expect("detected").into_iter().flat_map(|migration| migration.operations).collect()
    }

    #[test]
    fn renames_are_asked_until_the_answer_is_yes_or_no() {
        let now = || models([Field::new("sheets", Kind::Integer), Field::new("note", Kind::Text).null(true)]);
        let (asked, found) = typed(&now(), "perhaps\ny\n", Answers::new());
        assert_eq!(
            asked,
            "Was shop.Book.pages renamed to shop.Book.sheets (a IntegerField)? [y/N] Please answer y or n: "
        );
        assert_eq!(
            operations(found).iter().map(Operation::describe).collect::<Vec<_>>(),
            ["Rename field pages on Book to sheets"]
        );
        let (asked, found) = typed(&now(), "\n1\nmany\n7\n", Answers::new());
        assert!(asked.contains("`many` does not fit shop.Book.sheets"), "{asked}");
        let found = operations(found);
        let Some(Operation::AddField { fill, .. }) = found.last() else { panic!("no field was added: {found:?}") };
        assert_eq!(*fill, Some(Value::Int(7)));
        // What an option says is not asked.
        let answers = Answers::new().rename("shop.Book.pages=sheets").expect("an answer");
        assert_eq!(typed(&now(), "", answers).0, "");
    }

    #[test]
    fn nobody_is_waited_for_when_the_input_has_ended() {
        let now = models([Field::new("pages", Kind::Integer), Field::new("note", Kind::Text)]);
        let (_, found) = typed(&now, "", Answers::new());
        assert_eq!(
            found.expect_err("nobody answers").to_string(),
            "the input ended before all was answered; nothing was written"
        );
        let (asked, found) = typed(&now, "2\n", Answers::new());
        assert!(asked.contains("2) There are none"), "{asked}");
        let found = operations(found);
        assert!(matches!(found.as_slice(), [Operation::AlterField { fill: None, .. }]), "{found:?}");
        assert!(typed(&now, "q\n", Answers::new()).1.is_err());
    }

    #[test]
    fn what_would_be_lost_is_asked() {
        let many = Field::many_to_many(
            "pages",
            nuages_orm::migrate::Reference::new("self", nuages_orm::migrate::OnDelete::Cascade).related_name("+"),
        );
        let now = models([many, Field::new("note", Kind::Text).null(true)]);
        let (asked, found) = typed(&now, "y\n", Answers::new());
        assert!(asked.contains("what it holds would be lost. Drop it and make it anew? [y/N] "), "{asked}");
        assert_eq!(operations(found).len(), 2);
        let refused = typed(&now, "n\n", Answers::new()).1.expect_err("not wanted").to_string();
        assert!(refused.contains("--replace shop.Book.pages"), "{refused}");
    }
}
