//! The command line.

use std::sync::atomic::{AtomicUsize, Ordering};

use nuages_web::{App, Command, Project, Result, Settings, Site};

/// Runs a command on a database in memory; what it wrote.
async fn run(project: &Project, arguments: &[&str]) -> Result<String> {
    let mut out = Vec::new();
    project.run(arguments.iter().copied(), Settings::new("sqlite::memory:"), &mut out).await?;
    Ok(String::from_utf8(out).expect("commands write text"))
}

static GREETED: AtomicUsize = AtomicUsize::new(0);

/// Greet some people.
#[derive(clap::Parser)]
#[command(name = "greet")]
struct Greet {
    /// How many.
    #[arg(long, default_value_t = 1)]
    people: usize,
}

impl Command for Greet {
    async fn run(self, site: &Site) -> Result<()> {
        assert_eq!(site.name(), "site");
        GREETED.fetch_add(self.people, Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test]
async fn an_app_brings_commands_with_arguments() {
    let project = Project::new("site").app(App::new("hello").command::<Greet>());
    run(&project, &["greet", "--people", "3"]).await.expect("it runs");
    assert_eq!(GREETED.load(Ordering::SeqCst), 3);
    let help = run(&project, &["--help"]).await.expect_err("help is no command").to_string();
    assert!(help.contains("greet") && help.contains("Greet some people"), "{help}");
    let error = run(&project, &["greet", "--poeple", "3"]).await.expect_err("there is no such argument").to_string();
    assert!(error.contains("--people"), "{error}");
    let error = run(&project, &["gret"]).await.expect_err("there is no such command").to_string();
    assert!(error.contains("greet"), "{error}");
}

/// A name that the project has.
#[derive(clap::Parser)]
#[command(name = "runserver")]
struct Runserver;

impl Command for Runserver {
    async fn run(self, _: &Site) -> Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn check_tells_every_problem() {
    let project = Project::new("site")
        .app(App::new("a").command::<Greet>().command::<Runserver>())
        .app(App::new("a"))
        .app(App::new("b").command::<Greet>());
    let error = run(&project, &["check"]).await.expect_err("much is wrong").to_string();
    let problems: Vec<&str> = error.lines().collect();
    assert_eq!(
        problems,
        [
            "a: two apps have this label; rename one",
            "a: command `runserver` is one of the project itself already; rename it",
            "b: command `greet` is one of app a already; rename it",
        ]
    );
    assert_eq!(run(&Project::new("site"), &["check"]).await.expect("nothing is wrong"), "No problems found.\n");
}
