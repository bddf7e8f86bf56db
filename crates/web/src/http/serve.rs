//! Taking requests, and ending well.

use std::fmt;
use std::future::IntoFuture;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::layers::around;
use crate::app::{App, Stop};
use crate::error::{Error, Result};
use crate::signal;
use crate::site::{Services, Site};

/// Where to listen: `ADDRESS:PORT`, or a port of 127.0.0.1. Port 0 takes any that is free.
///
/// ```
/// # use nuages_web::Address;
/// for (text, address) in [("9000", "127.0.0.1:9000"), ("0.0.0.0:80", "0.0.0.0:80"), ("[::1]:80", "[::1]:80")] {
///     assert_eq!(text.parse::<Address>().unwrap().to_string(), address);
/// }
/// assert_eq!(Address::default().to_string(), "127.0.0.1:8000");
/// assert!("localhost".parse::<Address>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address(SocketAddr);

impl Address {
    /// Whether only this machine can reach it.
    pub fn is_loopback(&self) -> bool {
        self.0.ip().is_loopback()
    }
}

impl Default for Address {
    /// 127.0.0.1:8000, as Django's `runserver`.
    fn default() -> Self {
        Address(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8000))
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Address(address)
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(port) = text.parse() {
            return Ok(Address(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)));
        }
        // `localhost` may mean two addresses; the one that the default has is meant.
        let text = text.replacen("localhost:", "127.0.0.1:", 1);
        text.parse().map(Address).map_err(|_| "write ADDRESS:PORT, such as 127.0.0.1:8000, or a port".to_owned())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A site that is being served.
///
/// Dropping it stops taking requests, but waits for nothing and stops no service: call [`stop`](Running::stop).
pub struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
    stops: Vec<(&'static str, Stop)>,
    limit: Duration,
}

impl Running {
    /// Starts the services of the apps in order, and then takes requests.
    pub(crate) async fn start(site: &Site, apps: &[App], address: Address) -> Result<Running> {
        let listener = TcpListener::bind(address.0).await;
        let listener = listener.map_err(|source| Error::Listen { address: address.0, source })?;
        let address = listener.local_addr().map_err(|source| Error::Listen { address: address.0, source })?;

        let mut services = Services::new();
        let mut stops: Vec<(&'static str, Stop)> = Vec::new();
        for starter in apps.iter().flat_map(|app| &app.services) {
            match (starter.start)(site.clone()).await {
                Ok(started) => {
                    services.insert(starter.type_id, started.service);
                    stops.push((starter.name, started.stop));
                }
                Err(error) => {
                    stop_services(stops).await;
                    return Err(error);
                }
            }
        }
        if !site.set_services(services) {
            stop_services(stops).await;
            return Err(Error::Command("this site is being served already; make another `Site`".to_owned()));
        }

        let routes = apps.iter().filter_map(|app| app.routes.clone()).fold(Router::new(), Router::merge);
        let receivers = apps.iter().flat_map(|app| app.request_receivers.iter().cloned()).collect();
        let routes = signal::around(routes, receivers, site);
        let router = around(routes, site);
        let (stop, stopped) = oneshot::channel::<()>();
        let listener = listener.tap_io(|stream| {
            // An answer is written whole; waiting for more to send with it would only make it late.
            let _ = stream.set_nodelay(true);
        });
        let server = axum::serve(listener, router).with_graceful_shutdown(async move {
            // Sent or dropped: either way it is over.
            let _ = stopped.await;
        });
        let server = tokio::spawn(server.into_future());
        Ok(Running { address, stop, server, stops, limit: site.settings().shutdown_timeout })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more requests, lets the running ones finish for as long as `SHUTDOWN_TIMEOUT` says, and then stops the
    /// services, the last one first. Errors of services are logged.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        let mut server = self.server;
        match tokio::time::timeout(self.limit, &mut server).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::error!(%error, "the server failed"),
            Ok(Err(error)) => tracing::error!(%error, "the server failed"),
            Err(_) => tracing::warn!(limit = ?self.limit, "requests were still running and are cut off"),
        }
        stop_services(self.stops).await;
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("address", &self.address).finish_non_exhaustive()
    }
}

async fn stop_services(stops: Vec<(&'static str, Stop)>) {
    for (service, stop) in stops.into_iter().rev() {
        if let Err(error) = stop().await {
            tracing::error!(service, error = error.chain(), "a service did not stop well");
        }
    }
}
