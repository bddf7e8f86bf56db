//! The syntax of attributes: `name`, `name = expression` and `name(…)`, separated by commas.

use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, ExprUnary, Ident, Lit, Path, Token, UnOp, parenthesized, token};

use crate::errors::Errors;

/// One attribute of a list.
pub(crate) struct Arg {
    pub(crate) name: Ident,
    pub(crate) value: Value,
}

/// What follows an attribute's name.
pub(crate) enum Value {
    /// Nothing.
    Flag,
    /// `= expression`.
    Is(Expr),
    /// `(…)`.
    List(Vec<Arg>),
}

impl Parse for Arg {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        // `crate` is a keyword, and a name here.
        let name = Ident::parse_any(input)?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            Value::Is(input.parse()?)
        } else if input.peek(token::Paren) {
            let list;
            parenthesized!(list in input);
            Value::List(list.parse_terminated(Arg::parse, Token![,])?.into_iter().collect())
        } else {
            Value::Flag
        };
        Ok(Arg { name, value })
    }
}

/// The arguments of every attribute of this name.
pub(crate) fn args(attributes: &[Attribute], name: &str, errors: &mut Errors) -> Vec<Arg> {
    let mut all = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(name)) {
        let list = attribute.parse_args_with(Punctuated::<Arg, Token![,]>::parse_terminated);
        all.extend(errors.check(list).into_iter().flatten());
    }
    all
}

/// The lines of a doc comment.
pub(crate) fn docs(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("doc")).cloned().collect()
}

impl Arg {
    /// The value of `name = expression`.
    pub(crate) fn expression(&self) -> syn::Result<&Expr> {
        match &self.value {
            Value::Is(expression) => Ok(expression),
            _ => Err(self.wrong("a value")),
        }
    }

    /// Whether it is `name = |m| …`.
    pub(crate) fn is_closure(&self) -> bool {
        matches!(self.value, Value::Is(Expr::Closure(_)))
    }

    /// A text: `name = "…"`.
    pub(crate) fn text(&self) -> syn::Result<String> {
        match self.expression()? {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(text.value()),
            other => Err(syn::Error::new_spanned(other, format!("`{}` is a text: \"…\"", self.name))),
        }
    }

    /// A whole number that is not negative: `name = 7`.
    pub(crate) fn number<N: std::str::FromStr>(&self) -> syn::Result<N>
    where
        N::Err: std::fmt::Display,
    {
        match self.expression()? {
            Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse(),
            other => Err(syn::Error::new_spanned(other, format!("`{}` is a whole number", self.name))),
        }
    }

    /// `name`, `name = true` or `name = false`.
    pub(crate) fn flag(&self) -> syn::Result<bool> {
        match &self.value {
            Value::Flag => Ok(true),
            Value::Is(Expr::Lit(ExprLit { lit: Lit::Bool(flag), .. })) => Ok(flag.value),
            Value::Is(other) => Err(syn::Error::new_spanned(other, format!("`{}` is `true` or `false`", self.name))),
            Value::List(_) => Err(self.wrong("`true` or `false`")),
        }
    }

    /// A path: `name = crate::path::Name`.
    pub(crate) fn path(&self) -> syn::Result<&Path> {
        path_of(self.expression()?)
            .ok_or_else(|| syn::Error::new_spanned(&self.name, format!("`{}` is a path, such as `Name`", self.name)))
    }

    /// One name: `name = word`.
    pub(crate) fn word(&self) -> syn::Result<&Ident> {
        word_of(self.expression()?)
            .ok_or_else(|| syn::Error::new_spanned(&self.name, format!("`{}` is one word", self.name)))
    }

    /// The elements of `name = [a, b]`.
    pub(crate) fn elements(&self) -> syn::Result<Vec<&Expr>> {
        match self.expression()? {
            Expr::Array(array) => Ok(array.elems.iter().collect()),
            other => Err(syn::Error::new_spanned(other, format!("`{}` is a list: [a, b]", self.name))),
        }
    }

    /// The list in `name(…)`.
    pub(crate) fn list(&self) -> syn::Result<&[Arg]> {
        match &self.value {
            Value::List(list) => Ok(list),
            _ => Err(self.wrong("a list in parentheses")),
        }
    }

    fn wrong(&self, expected: &str) -> syn::Error {
        syn::Error::new_spanned(&self.name, format!("`{}` takes {expected}", self.name))
    }
}

/// The path that an expression is.
pub(crate) fn path_of(expression: &Expr) -> Option<&Path> {
    match expression {
        Expr::Path(path) if path.qself.is_none() => Some(&path.path),
        _ => None,
    }
}

/// The single name that an expression is.
pub(crate) fn word_of(expression: &Expr) -> Option<&Ident> {
    path_of(expression).and_then(Path::get_ident)
}

/// `a`, `-a`, `a.b` or `-a.b`: whether it descends, and the names.
pub(crate) fn step_of(expression: &Expr) -> Option<(bool, Vec<&Ident>)> {
    if let Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) = expression {
        return names_of(expr).map(|names| (true, names));
    }
    names_of(expression).map(|names| (false, names))
}

fn names_of(expression: &Expr) -> Option<Vec<&Ident>> {
    match expression {
        Expr::Field(field) => {
            let mut names = names_of(&field.base)?;
            match &field.member {
                syn::Member::Named(name) => names.push(name),
                syn::Member::Unnamed(_) => return None,
            }
            Some(names)
        }
        other => word_of(other).map(|word| vec![word]),
    }
}
