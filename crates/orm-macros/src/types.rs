//! What can be told from the spelling of a field's type.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{GenericArgument, Path, PathArguments, Type};

/// What a known type holds. Types of the user's own are not known: what is wrong with those the compiler finds when it
/// evaluates their `FieldType::KIND`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    Integer,
    Float,
    Boolean,
    /// `Decimal`, with at most 28 digits.
    Decimal,
    BigDecimal,
    String,
    /// A text that says what it is: `Slug`, `Email`, `Url`, `FilePath`.
    Text,
    Bytes,
    Date,
    Time,
    DateTime,
    Duration,
    Json,
    Uuid,
    Ip,
    /// `Encrypted<…>`.
    Ciphertext,
    Unknown,
}

impl Holds {
    /// What a type holds, by the last word of its path.
    pub(crate) fn of(ty: &Type) -> Holds {
        let Some(segment) = path_of(ty).and_then(|path| path.segments.last()) else { return Holds::Unknown };
        match segment.ident.to_string().as_str() {
            "i16" | "i32" | "i64" | "u16" | "u32" | "u64" => Holds::Integer,
            "f64" => Holds::Float,
            "bool" => Holds::Boolean,
            "Decimal" => Holds::Decimal,
            "BigDecimal" => Holds::BigDecimal,
            "String" => Holds::String,
            "Slug" | "Email" | "Url" | "FilePath" => Holds::Text,
            "Vec" => Holds::Bytes,
            "Date" => Holds::Date,
            "Time" => Holds::Time,
            "Timestamp" => Holds::DateTime,
            "Duration" | "SignedDuration" => Holds::Duration,
            "Json" => Holds::Json,
            "Uuid" => Holds::Uuid,
            "IpAddr" => Holds::Ip,
            "Encrypted" => Holds::Ciphertext,
            _ => Holds::Unknown,
        }
    }

    pub(crate) fn is_known(self) -> bool {
        self != Holds::Unknown
    }

    pub(crate) fn is_text(self) -> bool {
        matches!(self, Holds::String | Holds::Text)
    }

    pub(crate) fn is_decimal(self) -> bool {
        matches!(self, Holds::Decimal | Holds::BigDecimal)
    }

    pub(crate) fn is_temporal(self) -> bool {
        matches!(self, Holds::Date | Holds::Time | Holds::DateTime)
    }
}

/// The type to use in place of one that is no field type, for the types that come to mind first.
pub(crate) fn instead_of(ty: &Type) -> Option<&'static str> {
    if let Type::Reference(_) = ty {
        return Some("an owned type, such as `String`");
    }
    if arguments_of(ty, "Encrypted").is_some_and(|of| of.first().is_some_and(|inner| option_of(inner).is_some())) {
        return Some("`Option<Encrypted<…>>`: a null is not encrypted");
    }
    let name = path_of(ty)?.get_ident()?.to_string();
    Some(match name.as_str() {
        "i8" => "`i16`",
        "u8" => "`u16`",
        "isize" | "i128" => "`i64`",
        "usize" | "u128" => "`u64`",
        "f32" => "`f64`",
        "char" => "`String` with `max_length = 1`",
        _ => return None,
    })
}

/// The names of kinds that a field may be given with `kind = …`.
pub(crate) const KINDS: &[&str] = &[
    "SmallAuto",
    "Auto",
    "BigAuto",
    "SmallInteger",
    "Integer",
    "BigInteger",
    "PositiveSmallInteger",
    "PositiveInteger",
    "PositiveBigInteger",
    "Boolean",
    "Float",
    "Char",
    "Email",
    "Url",
    "Slug",
    "File",
    "Image",
    "FilePath",
    "Text",
    "Binary",
    "Date",
    "Time",
    "DateTime",
    "Duration",
    "Json",
    "Uuid",
    "GenericIpAddress",
];

/// What a kind of [`KINDS`] holds: [`Holds::Text`] for every kind of text.
pub(crate) fn holds_kind(kind: &str) -> Holds {
    match kind {
        "SmallAuto"
        | "Auto"
        | "BigAuto"
        | "SmallInteger"
        | "Integer"
        | "BigInteger"
        | "PositiveSmallInteger"
        | "PositiveInteger"
        | "PositiveBigInteger" => Holds::Integer,
        "Boolean" => Holds::Boolean,
        "Float" => Holds::Float,
        "Binary" => Holds::Bytes,
        "Date" => Holds::Date,
        "Time" => Holds::Time,
        "DateTime" => Holds::DateTime,
        "Duration" => Holds::Duration,
        "Json" => Holds::Json,
        "Uuid" => Holds::Uuid,
        "GenericIpAddress" => Holds::Ip,
        _ => Holds::Text,
    }
}

/// The kind's value, with the length that Django gives it.
pub(crate) fn kind_value(kind: &str, krate: &Path) -> TokenStream {
    let name = quote::format_ident!("{kind}");
    let kind_path = quote!(#krate::Kind::#name);
    match kind {
        "Char" => quote!(#kind_path { max_length: ::core::option::Option::None }),
        "Email" => quote!(#kind_path { max_length: 254 }),
        "Url" => quote!(#kind_path { max_length: 200 }),
        "Slug" => quote!(#kind_path { max_length: 50 }),
        "File" | "Image" | "FilePath" => quote!(#kind_path { max_length: 100 }),
        _ => kind_path,
    }
}

/// The path that a type is.
pub(crate) fn path_of(ty: &Type) -> Option<&Path> {
    match ty {
        Type::Path(path) if path.qself.is_none() => Some(&path.path),
        Type::Group(group) => path_of(&group.elem),
        Type::Paren(paren) => path_of(&paren.elem),
        _ => None,
    }
}

/// The types in `Name<A, B>`, if the type is called that.
pub(crate) fn arguments_of<'a>(ty: &'a Type, name: &str) -> Option<Vec<&'a Type>> {
    let segment = path_of(ty)?.segments.last()?;
    if segment.ident != name {
        return None;
    }
    match &segment.arguments {
        PathArguments::AngleBracketed(list) => Some(
            list.args
                .iter()
                .filter_map(|argument| match argument {
                    GenericArgument::Type(ty) => Some(ty),
                    _ => None,
                })
                .collect(),
        ),
        _ => Some(Vec::new()),
    }
}

/// The type in `Option<…>`.
pub(crate) fn option_of(ty: &Type) -> Option<&Type> {
    arguments_of(ty, "Option")?.into_iter().next()
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn types_are_known_by_the_last_word_of_their_path() {
        assert_eq!(Holds::of(&parse_quote!(std::string::String)), Holds::String);
        assert_eq!(Holds::of(&parse_quote!(nuages::Json<Meta>)), Holds::Json);
        assert_eq!(Holds::of(&parse_quote!(Colour)), Holds::Unknown);
        assert_eq!(option_of(&parse_quote!(std::option::Option<i32>)), Some(&parse_quote!(i32)));
        assert_eq!(option_of(&parse_quote!(i32)), None);
    }

    #[test]
    fn every_kind_has_a_value() {
        for kind in KINDS {
            let value = kind_value(kind, &parse_quote!(orm)).to_string();
            assert!(value.starts_with(&format!("orm :: Kind :: {kind}")), "{value}");
        }
    }
}
