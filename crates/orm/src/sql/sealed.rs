//! Encrypted columns in queries. What is stored of them is ciphertext, of which no two are alike, so they are selected and
//! compared with null, and with a blind index found by equal values; in any other place an expression that mentions one
//! is refused where it is written ([`Out::expression`]).

use std::sync::Arc;

use super::lookup::{Raw, items, plain};
use super::scope::Compiler;
use super::select::{Output, Prepared};
use super::tree::{AliasId, Col, Ex, Right, ScopeId};
use super::write::{Out, Written};
use crate::encryption::{self, Lock, Opening, SealedColumn};
use crate::error::{Error, ErrorKind, Result};
use crate::field::{Kind, Sealing};
use crate::model::SchemaColumn;
use crate::query::Lookup;
use crate::value::Value;

/// The encrypted column that an expression is.
pub(super) fn sealed<'e, 'a>(ex: &'e Ex<'a>) -> Option<(&'e Col<'a>, &'a SealedColumn)> {
    match ex {
        Ex::Column(column) => column.column.sealed.as_deref().map(|sealed| (column, sealed)),
        Ex::Ref(_, source) => sealed(source),
        _ => None,
    }
}

/// The error where an encrypted column stands in an expression.
pub(super) fn refused(column: &SealedColumn) -> Error {
    let text = "is encrypted: the database cannot compute with it, order or group by it, or tell whether two are alike; \
                select it as it is";
    column.problem(ErrorKind::Field, text)
}

impl<'a> Compiler<'a> {
    /// A comparison with an encrypted column.
    pub(super) fn compare_sealed(
        &mut self,
        column: Col<'a>,
        sealed: &'a SealedColumn,
        names: &[&'a str],
        lookup: Option<Lookup>,
        right: Raw<'a>,
    ) -> Result<(Ex<'a>, bool)> {
        let lookup = match (lookup, names) {
            (lookup, []) => lookup.unwrap_or(Lookup::Exact),
            (None, [only]) => only.parse().map_err(|_| no_lookup(sealed, only))?,
            (_, [first, ..]) => return Err(no_lookup(sealed, first)),
        };
        let is_null = right.value().is_some_and(Value::is_null);
        let left = Ex::Column(column.clone());
        match lookup {
            Lookup::IsNull => match right.value() {
                Some(Value::Bool(wanted)) => return Ok((Ex::compare(lookup, left, Right::Bool(*wanted)), false)),
                _ => return Err(Error::new(ErrorKind::Value, "`isnull` needs true or false")),
            },
            Lookup::Exact if is_null => return Ok((Ex::compare(Lookup::IsNull, left, Right::Bool(true)), false)),
            Lookup::Exact | Lookup::In => {}
            other => return Err(no_lookup(sealed, other.name())),
        }
        let Some(index) = sealed.index.and_then(|index| column.entry.columns.get(index)) else {
            return Err(no_lookup(sealed, lookup.name()));
        };
        if matches!(right, Raw::Expression(_) | Raw::Query(_)) {
            let text = "is encrypted, so it is compared with values alone: the database cannot encrypt what an \
                        expression or a query gives";
            return Err(sealed.problem(ErrorKind::Type, text));
        }
        let values = match lookup {
            Lookup::In => items(lookup, right)?.into_iter().map(plain).collect::<Result<Vec<Value>>>()?,
            _ => vec![plain(right)?],
        };
        let mut digests = Vec::new();
        for value in values.into_iter().filter(|value| !value.is_null()) {
            for digest in encryption::digests(self.schema, sealed, value)? {
                digests.push(self.bind(digest));
            }
        }
        let left = Ex::Column(Col { column: index, kind: Kind::Binary, ..column });
        Ok((Ex::compare(Lookup::In, left, Right::Values(digests)), false))
    }

    /// What opens the encrypted columns of an answer; `None` if there are none.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for one that is bound to its row, if the answer has not got the row's key.
    pub(super) fn opening(&self, prepared: &Prepared<'a>) -> Result<Option<Arc<Opening>>> {
        if all_sealed(prepared).all(|sealed| sealed.is_none()) {
            return Ok(None);
        }
        let mut locks = prepared.whole.map(encryption::locks).unwrap_or_default();
        for output in &prepared.columns {
            locks.push(self.lock(prepared, &output.expression)?);
        }
        Ok(Some(Opening::new(self.schema, locks)))
    }

    fn lock(&self, prepared: &Prepared<'a>, expression: &Ex<'a>) -> Result<Option<Lock>> {
        let Some((column, sealed)) = sealed(expression) else { return Ok(None) };
        let shared = column.column.sealed.clone();
        let key = self.key_places(prepared, column).unwrap_or_default();
        if key.is_empty() && sealed.sealing == Sealing::Bound {
            let names: Vec<&str> = column.entry.definition.primary_key.iter().map(AsRef::as_ref).collect();
            let text = format!(
                "is bound to its row, and only opened beside the row's key: select `{}` too, or fetch the model",
                names.join("`, `")
            );
            return Err(sealed.problem(ErrorKind::Unsupported, text));
        }
        Ok(shared.map(|column| Lock { column, key }))
    }

    /// Where the primary key of a column's row is among the columns of an answer.
    fn key_places(&self, prepared: &Prepared<'a>, of: &Col<'a>) -> Option<Vec<(usize, Kind)>> {
        let whole = prepared.whole.map_or(&[][..], |model| &model.columns);
        let place = |key: &usize| {
            let key = of.entry.columns.get(*key)?;
            let in_whole = || whole.iter().position(|column| self.is_same(AliasId(0), column, of, &key.name));
            let is_key = |output: &Output<'a>| match &output.expression {
                Ex::Column(column) => {
                    column.scope == of.scope && self.is_same(column.alias, column.column, of, &key.name)
                }
                _ => false,
            };
            let among_others = || prepared.columns.iter().position(is_key).map(|place| whole.len() + place);
            in_whole().or_else(among_others).map(|place| (place, key.kind.clone()))
        };
        of.entry.primary_key.iter().map(place).collect()
    }

    /// Whether a column of a table is the one of this name in the row that another is of, or refers to it.
    fn is_same(&self, alias: AliasId, column: &SchemaColumn, row: &Col<'a>, name: &str) -> bool {
        if alias == row.alias {
            return column.name == name;
        }
        let join = self.scope(row.scope).alias(row.alias).and_then(|alias| alias.join.as_ref());
        join.is_some_and(|join| {
            let (near, far) = (join.hop.from_column, join.hop.to_column);
            join.parent == alias && near.name == column.name && far.name == name
        })
    }

    /// Refuses an answer in which rows that differ in ciphertext alone would count as different, or alike.
    pub(super) fn check_distinct(&self, prepared: &Prepared<'a>) -> Result<()> {
        for output in &prepared.columns {
            if let Some((column, sealed)) = sealed(&output.expression)
                && self.key_places(prepared, column).is_none()
            {
                return Err(refused(sealed));
            }
        }
        Ok(())
    }

    /// Refuses a union of an encrypted column with another one.
    pub(super) fn check_parts(&self, parts: &[ScopeId]) -> Result<()> {
        let mut all = parts.iter().filter_map(|part| self.scope(*part).prepared.as_ref());
        let Some(first) = all.next() else { return Ok(()) };
        for other in all {
            let differs = all_sealed(first).zip(all_sealed(other)).find(|(a, b)| a != b);
            if let Some(column) = differs.and_then(|(a, b)| a.or(b)) {
                let text = "is encrypted, and in another part of the union stands what is not, or is another field's";
                return Err(column.problem(ErrorKind::Field, text));
            }
        }
        Ok(())
    }
}

/// For each column of an answer, the encrypted one that it is.
fn all_sealed<'p, 'a>(prepared: &'p Prepared<'a>) -> impl Iterator<Item = Option<&'a SealedColumn>> + use<'p, 'a> {
    let whole = prepared.whole.into_iter().flat_map(|model| &model.columns).map(|column| column.sealed.as_deref());
    whole.chain(prepared.columns.iter().map(|output| sealed(&output.expression).map(|(_, sealed)| sealed)))
}

/// The encrypted column at a place of an answer.
pub(super) fn sealed_at<'a>(prepared: &Prepared<'a>, place: usize) -> Option<&'a SealedColumn> {
    all_sealed(prepared).nth(place).flatten()
}

impl<'a> Out<'_, 'a> {
    /// Writes an encrypted column where it may stand; says whether it is one.
    pub(super) fn sealed_column(&mut self, ex: &Ex<'a>) -> bool {
        match ex {
            Ex::Column(column) if column.column.sealed.is_some() => {
                self.column(column);
                true
            }
            _ => false,
        }
    }

    /// Writes a term of `GROUP BY`: of a row whose key is one too, an encrypted column changes nothing.
    pub(super) fn group_term(&mut self, term: &Ex<'a>, terms: &[Ex<'a>]) -> Written {
        if let Some((of, _)) = sealed(term) {
            let has = |(alias, name): (AliasId, &str)| {
                terms.iter().any(|term| match term {
                    Ex::Column(column) => {
                        column.scope == of.scope && column.alias == alias && column.column.name == name
                    }
                    _ => false,
                })
            };
            let key = of.entry.primary_key.iter().filter_map(|place| of.entry.columns.get(*place));
            if key.into_iter().all(|key| has((of.alias, &key.name))) && self.sealed_column(term) {
                return Ok(());
            }
        }
        self.expression(term)
    }
}

/// The error for a lookup that an encrypted field has not got.
fn no_lookup(column: &SealedColumn, name: &str) -> Error {
    let choices = match column.index {
        Some(_) => "it has `isnull`, and `exact` and `in` through its blind index",
        None => "it has `isnull` alone; for `exact` and `in`, add `#[field(blind_index)]`",
    };
    column.problem(ErrorKind::Field, format!("is encrypted, so there is no lookup `{name}`: {choices}"))
}
