//! Serving, until a signal says to stop.

use std::io::Write;

use nuages_orm::Dialect;
use nuages_orm::migrate::Target;

use super::{migrations, say, with_site};
use crate::error::Result;
use crate::http::Address;
use crate::project::Project;
use crate::routing::DEFAULT;
use crate::settings::Settings;
use crate::{Error, Running};

/// Serve the site over HTTP
#[derive(Debug, clap::Args)]
pub(crate) struct Runserver {
    /// ADDRESS:PORT, or a port of 127.0.0.1; port 0 takes any that is free
    #[arg(default_value_t)]
    address: Address,
}

impl Runserver {
    pub(crate) async fn run(self, project: &Project, settings: Settings, out: &mut (dyn Write + Send)) -> Result<()> {
        with_site(project, settings, async |site| {
            for database in project.databases() {
                let waiting = migrations::migrator(project, site, &database)?.plan(&Target::All).await?.len();
                if waiting > 0 {
                    let option = match database.as_str() {
                        DEFAULT => String::new(),
                        other => format!(" --database {other}"),
                    };
                    tracing::warn!(waiting, "migrations are not applied yet; run `{} migrate{option}`", project.name());
                }
            }
            let mut signals = Signals::listen()?;
            let running = project.serve(site, self.address).await?;
            say(out, format_args!("Serving {} at http://{}\n", project.name(), running.address()))?;
            signals.stop(running).await
        })
        .await
    }
}

/// Makes the database if need be, fills it with something to look at, and serves it.
pub(crate) async fn demo(project: &Project, settings: Settings, out: &mut (dyn Write + Send)) -> Result<()> {
    with_site(project, settings, async |site| {
        let mut applied = 0;
        for name in project.databases() {
            applied += migrations::migrator(project, site, &name)?.migrate(&Target::All, |_| ()).await?;
        }
        for app in project.apps() {
            if let Some(fill) = &app.demo {
                fill(site.clone()).await?;
            }
        }
        let mut signals = Signals::listen()?;
        let running = project.serve(site, Address::default()).await?;
        let engine = match site.db().dialect() {
            Dialect::Sqlite => "SQLite",
            _ => "PostgreSQL",
        };
        say(
            out,
            format_args!(
                "{} on {engine}, {applied} {} applied\n\n  http://{}\n  no login: this site has no users yet\n\n\
                 Ctrl-C stops it.\n",
                project.name(),
                if applied == 1 { "migration" } else { "migrations" },
                running.address()
            ),
        )?;
        signals.stop(running).await
    })
    .await
}

/// The signals that end a server: SIGINT (Ctrl-C) and SIGTERM.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// From now on, signals are waited for, and no longer end the process by themselves.
    fn listen() -> Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let listen = |kind| signal(kind).map_err(Error::other);
            Ok(Signals { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
        }
        #[cfg(not(unix))]
        Ok(Signals {})
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    }

    /// Waits for a signal and stops the site well; a second signal stops it at once.
    async fn stop(&mut self, running: Running) -> Result<()> {
        self.next().await;
        tracing::info!("stopping: finishing what is running");
        tokio::select! {
            () = running.stop() => Ok(()),
            () = self.next() => Err(Error::Command("told to stop twice: what was running is cut off".to_owned())),
        }
    }
}
