//! TLS to PostgreSQL, as far as `sslmode` asks for it.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{Error, ErrorKind, Result};

/// Where Linux distributions and BSDs keep the certificates they trust.
const SYSTEM: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// How much is asked of the server (libpq's `sslmode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Disable,
    /// TLS if the server has it.
    Prefer,
    /// TLS, with whomever: nobody can listen who does not also meddle.
    Require,
    /// TLS with a certificate by somebody we trust.
    VerifyAuthority,
    /// And of the host's name.
    VerifyFull,
}

impl Mode {
    pub(super) fn parse(text: &str) -> Result<Mode> {
        Ok(match text {
            "disable" => Mode::Disable,
            "prefer" => Mode::Prefer,
            "require" => Mode::Require,
            "verify-ca" => Mode::VerifyAuthority,
            "verify-full" => Mode::VerifyFull,
            _ => {
                return Err(Error::new(
                    ErrorKind::Configuration,
                    "unknown sslmode: known are disable, prefer, require, verify-ca and verify-full",
                ));
            }
        })
    }

    pub(super) fn driver(self) -> SslMode {
        match self {
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            _ => SslMode::Require,
        }
    }
}

/// A connector that keeps to the mode, trusting `roots` or else what the system trusts.
pub(super) fn connector(mode: Mode, roots: Option<&Path>) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(ErrorKind::Configuration, "TLS cannot be set up").with_source(error))?;
    // As libpq: without checks unless a certificate to trust was given or they were asked for.
    let verifier = match (mode, roots) {
        (Mode::Disable | Mode::Prefer, _) | (Mode::Require, None) => Verifier { inner: None, provider, names: false },
        _ => {
            let store = Arc::new(trusted(roots)?);
            let inner = WebPkiServerVerifier::builder_with_provider(store, Arc::clone(&provider)).build();
            let inner = inner.map_err(|error| {
                Error::new(ErrorKind::Configuration, "the certificates to trust cannot be used").with_source(error)
            })?;
            Verifier { inner: Some(inner), provider, names: mode == Mode::VerifyFull }
        }
    };
    let config = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn trusted(roots: Option<&Path>) -> Result<RootCertStore> {
    let file = roots.or_else(|| SYSTEM.iter().map(Path::new).find(|file| file.exists())).ok_or_else(|| {
        Error::new(
            ErrorKind::Configuration,
            "no certificates to trust were found on this system: name a file of them with `sslrootcert`",
        )
    })?;
    let unusable = |why: String| {
        Error::new(ErrorKind::Configuration, format!("certificates cannot be read from `{}`: {why}", file.display()))
    };
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| unusable(error.to_string()))? {
        store.add_parsable_certificates([certificate.map_err(|error| unusable(error.to_string()))?]);
    }
    if store.is_empty() { Err(unusable("it holds none".to_owned())) } else { Ok(store) }
}

/// Checks as much of the server's certificate as the mode asks for; always that the server holds its key.
#[derive(Debug)]
struct Verifier {
    inner: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
    names: bool,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(inner) = &self.inner else {
            return Ok(ServerCertVerified::assertion());
        };
        match inner.verify_server_cert(certificate, chain, name, stapled, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.names => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
