//! The code for a document: a trait for places where one is, with its members as methods.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::Ident;
use syn::spanned::Spanned as _;

use super::{Document, Form, Member};

impl Document {
    /// Everything that the derive emits.
    pub(crate) fn expand(&self) -> TokenStream {
        let krate = &self.krate;
        let (paths, beside) = match &self.form {
            Form::As(inner) => {
                return self.implementation(
                    &quote!(<#inner as #krate::Document>::Paths<__R>),
                    &quote!(<#inner as #krate::Document>::paths(place)),
                    &TokenStream::new(),
                );
            }
            Form::Name => (quote!(dyn #krate::expr::ScalarPaths<__R>), self.scalar()),
            Form::Varied => (quote!(dyn #krate::expr::OpaquePaths<__R>), TokenStream::new()),
            Form::Object(members) => {
                let name = format_ident!("{}Paths", self.name);
                (quote!(dyn #name<__R>), self.object(&name, members))
            }
        };
        self.implementation(&paths, &quote!(place), &beside)
    }

    fn implementation(&self, paths: &TokenStream, seen: &TokenStream, beside: &TokenStream) -> TokenStream {
        let Document { krate, name, .. } = self;
        quote! {
            #[automatically_derived]
            impl #krate::Document for #name {
                type Paths<__R: 'static> = #paths;

                fn paths<__R: 'static, __P: #krate::expr::Place<__R>>(place: &__P) -> &Self::Paths<__R> {
                    #seen
                }
            }

            #beside
        }
    }

    fn scalar(&self) -> TokenStream {
        let Document { krate, name, .. } = self;
        quote! {
            #[automatically_derived]
            impl #krate::expr::Scalar for #name {}
        }
    }

    fn object(&self, paths: &Ident, members: &[Member]) -> TokenStream {
        let Document { krate, name, visibility, .. } = self;
        let methods = members.iter().map(|member| method(self, member));
        let doc = format!("A place where a [`{name}`] is, in queries on `__R`: its members are its methods.");
        quote! {
            #[doc = #doc]
            #visibility trait #paths<__R>: #krate::expr::Place<__R> {}

            #[automatically_derived]
            impl<__R, __P: #krate::expr::Place<__R>> #paths<__R> for __P {}

            #[allow(dead_code)]
            #[automatically_derived]
            impl<__R: 'static> dyn #paths<__R> {
                #(#methods)*
            }
        }
    }
}

fn method(document: &Document, member: &Member) -> TokenStream {
    let krate = &document.krate;
    let Member { visibility, method, docs, .. } = member;
    let docs = if docs.is_empty() {
        let doc = format!("`{}` of a [`{}`].", member.ident, document.name);
        quote!(#[doc = #doc])
    } else {
        quote!(#(#docs)*)
    };
    let opaque = syn::parse_quote!(#krate::expr::Anything);
    let ty = member.ty.as_ref().unwrap_or(&opaque);
    let at = proc_macro2::Span::call_site().located_at(ty.span());
    let mut method = method.clone();
    method.set_span(proc_macro2::Span::call_site().located_at(method.span()));
    match &member.key {
        Some(key) => quote_spanned! {at=>
            #docs
            #visibility fn #method(&self) -> #krate::expr::Member<__R, #ty> {
                #krate::expr::Member::named(self, #key)
            }
        },
        None => quote_spanned! {at=>
            #docs
            #visibility fn #method(&self) -> #krate::expr::Flat<__R, #ty> {
                #krate::expr::Flat::within(self)
            }
        },
    }
}
