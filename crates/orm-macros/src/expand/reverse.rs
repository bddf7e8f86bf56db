//! The ways back: from the other model to the rows that refer to it.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Ident, Path, Type};

use super::at;
use super::builder::camel;
use crate::model::{Field, Model, Shape};
use crate::types;

pub(super) fn expand(model: &Model) -> TokenStream {
    // A proxy has no relations of its own: those it repeats are the other model's.
    if model.proxy_for.is_some() {
        return TokenStream::new();
    }
    model.fields.iter().map(|field| way_back(model, field)).collect()
}

/// Where a way back starts and what it is called.
struct Way<'a> {
    model: &'a Model,
    field: &'a Field,
    to: &'a Type,
    /// Whether at most one row is at its end.
    single: bool,
    over: Over<'a>,
}

/// What the way goes over.
enum Over<'a> {
    /// A key that refers to the primary key, or to this field.
    Key(Option<&'a str>),
    /// A one-to-one key, the same.
    OneToOne(Option<&'a str>),
    /// A table between, of this model if it is not automatic.
    Between(Option<&'a Path>),
}

fn way_back(model: &Model, field: &Field) -> TokenStream {
    let (way, related_name, one_to_one) = match &field.shape {
        Shape::Column(_) => return TokenStream::new(),
        Shape::Key(key) => {
            let single = key.one_to_one || field.unique == Some(true);
            let over = if key.one_to_one { Over::OneToOne } else { Over::Key };
            let over = over(key.to_field.as_deref());
            (Way { model, field, to: &key.to, single, over }, &key.related_name, key.one_to_one)
        }
        Shape::Many(many) if many.symmetrical => return TokenStream::new(),
        Shape::Many(many) => {
            let over = Over::Between(many.through.as_ref());
            (Way { model, field, to: &many.to, single: false, over }, &many.related_name, false)
        }
    };
    match related_name.as_deref() {
        Some("+") => TokenStream::new(),
        Some(name) => {
            let (fields, rows) = (way.for_fields(), way.for_rows());
            way.expand(name, name, &[fields, rows])
        }
        // Django's names: `<model>` in queries; on a row `<model>_set`, or `<model>` where there is but one.
        None => {
            let name = model.name.to_string().to_lowercase();
            if one_to_one {
                return way.expand(&name, &name, &[way.for_fields(), way.for_rows()]);
            }
            let on_rows = format!("{name}_set");
            let fields = way.expand(&name, &name, &[way.for_fields()]);
            let rows = way.expand(&on_rows, &name, &[way.for_rows()]);
            quote!(#fields #rows)
        }
    }
}

/// One implementation of the accessor's trait.
struct Side {
    generics: TokenStream,
    /// The trait's parameter. It tells the two implementations apart, which `<User as Model>::Fields<…>` and `User` of
    /// another crate do not, and ties down what is in such a projection.
    from: TokenStream,
    on: TokenStream,
    gives: TokenStream,
    body: fn(&Way<'_>, &str) -> TokenStream,
}

impl Way<'_> {
    /// In queries: the fields of the rows that refer to this one.
    fn for_fields(&self) -> Side {
        let (krate, name, to) = (&self.model.krate, &self.model.name, self.to);
        let gives = if self.single {
            quote!(<#name as #krate::Model>::Fields<__R, #krate::expr::Nullable>)
        } else {
            quote!(#krate::expr::Many<#name, __R>)
        };
        Side {
            generics: quote!(<__R: 'static, __N: #krate::expr::Nullability>),
            from: quote!(#krate::model::derived::FromFields<__R, __N>),
            on: quote!(<#to as #krate::Model>::Fields<__R, __N>),
            gives,
            body: |way, query_name| {
                let (krate, name) = (&way.model.krate, &way.model.name);
                let hop = if way.single { quote!(maybe) } else { quote!(many) };
                quote! {
                    ::core::convert::AsRef::<#krate::expr::Path<__R, __N>>::as_ref(self).#hop::<#name>(#query_name)
                }
            },
        }
    }

    /// On a row: a query for the rows that refer to it.
    fn for_rows(&self) -> Side {
        let (krate, name, to) = (&self.model.krate, &self.model.name, self.to);
        Side {
            generics: TokenStream::new(),
            from: quote!(#krate::model::derived::FromRow),
            on: quote!(#to),
            gives: quote!(#krate::QuerySet<#name>),
            body: |way, _| {
                let (krate, name, field) = (&way.model.krate, &way.model.name, &way.field.name);
                // As in Django, what hides rows hides none at the other end of a one-to-one key.
                let rows = match way.over {
                    Over::OneToOne(_) => quote!(<#name as #krate::Model>::all_objects()),
                    Over::Key(_) | Over::Between(_) => quote!(<#name as #krate::Model>::objects()),
                };
                match way.over {
                    Over::Key(Some(to_field)) | Over::OneToOne(Some(to_field)) => {
                        quote!(#krate::model::derived::referring_by(#rows, self, #field, #to_field))
                    }
                    Over::Between(Some(through)) => {
                        quote!(#krate::model::derived::referring_through::<_, #through, _>(#rows, self, #field))
                    }
                    _ => quote!(#krate::model::derived::referring(#rows, self, #field)),
                }
            },
        }
    }

    fn expand(&self, accessor: &str, query_name: &str, sides: &[Side]) -> TokenStream {
        let (visibility, name) = (&self.model.visibility, &self.model.name);
        let other = types::path_of(self.to).and_then(|path| path.segments.last()).map(|segment| &segment.ident);
        let Some(other) = other else { return TokenStream::new() };
        let accessor_trait = format_ident!("{}Has{}", other, camel(accessor));
        let method = method(accessor, self.field.ident.span());
        let trait_doc = format!("The way back from `{other}` to [`{name}`] over its `{}`.", self.field.name);
        let method_doc = format!("The `{name}`s whose `{}` this is.", self.field.name);
        let type_doc = "A query on a row; the fields of its rows in a query.";
        let sides = sides.iter().map(|side| {
            let Side { generics, from, on, gives, body } = side;
            let body = body(self, query_name);
            quote_spanned! {at(self.to)=>
                #[automatically_derived]
                impl #generics #accessor_trait<#from> for #on {
                    type Rows = #gives;

                    fn #method(&self) -> Self::Rows {
                        #body
                    }
                }
            }
        });
        quote! {
            #[doc = #trait_doc]
            #[allow(dead_code)]
            #visibility trait #accessor_trait<__From> {
                #[doc = #type_doc]
                type Rows;

                #[doc = #method_doc]
                fn #method(&self) -> Self::Rows;
            }
            #(#sides)*
        }
    }
}

/// A method's name, raw where it is a keyword.
fn method(name: &str, span: Span) -> Ident {
    let span = Span::call_site().located_at(span);
    match syn::parse_str::<Ident>(name) {
        Ok(_) => Ident::new(name, span),
        Err(_) => Ident::new_raw(name, span),
    }
}
