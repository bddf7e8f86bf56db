//! `makemigrations --check` and `showmigrations` over 300 models with 1,000 migrations, all recorded as applied: whole
//! processes, Nuages and Django on the same graph and the same SQLite database.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use nuages::migrate::{Field, Kind, Migration, ModelDef, OnDelete, Reference};
use nuages::orm::Models;
use nuages::web::{App, Project, Settings};

use crate::django;
use crate::measure::{median, report};
use raw_driver::Error;

const APPS: usize = 10;
const MODELS: usize = 30;
/// In each app: the first makes its models, each later one adds a field to one of them.
const MIGRATIONS: usize = 100;
const ROUNDS: usize = 5;

/// The commands, and the time in milliseconds that each may take.
const COMMANDS: [(&[&str], &str); 2] =
    [(&["makemigrations", "--check"], "1000 ms, 0.05"), (&["showmigrations"], "300 ms, 0.05")];

pub(crate) fn run() -> Result<(), Error> {
    let folder = std::env::temp_dir().join(format!("nuages-bench-migrations-{}", std::process::id()));
    fs::create_dir(&folder)?;
    let outcome = compare(&folder);
    fs::remove_dir_all(&folder)?;
    outcome
}

fn compare(folder: &Path) -> Result<(), Error> {
    let python = django::python()?;
    write_django(folder)?;
    let django = |arguments: &[&str]| {
        let mut command = Command::new(&python);
        command.arg("manage.py").args(arguments).current_dir(folder);
        command
    };
    let ours = |arguments: &[&str]| {
        let program = std::env::current_exe()?;
        let mut command = Command::new(program);
        command.arg("migrations-site").args(arguments).env("BENCH_DB", folder.join("bench.db"));
        Ok::<_, Error>(command)
    };
    // Records that all are applied, for both.
    timed(&mut django(&["migrate", "--fake"]))?;
    for (arguments, bar) in COMMANDS {
        let (mut theirs_ms, mut ours_ms) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let (theirs, told) = timed(&mut django(arguments))?;
            let (mine, said) = timed(&mut ours(arguments)?)?;
            let (theirs_applied, ours_applied) = (told.matches("[X]").count(), said.matches("[X]").count());
            if theirs_applied != ours_applied {
                return Err(format!("django shows {theirs_applied} applied migrations, nuages {ours_applied}").into());
            }
            theirs_ms.push(theirs);
            ours_ms.push(mine);
        }
        report(&arguments.join(" "), "ms", ("django", median(theirs_ms)), median(ours_ms), bar);
    }
    Ok(())
}

/// Runs a command to its end: milliseconds, and what it wrote.
fn timed(command: &mut Command) -> Result<(f64, String), Error> {
    let start = Instant::now();
    let output = command.output()?;
    let took = start.elapsed().as_secs_f64() * 1000.0;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok((took, String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// The site that the benchmark runs, as a program of its own: `migrations-site COMMAND…`.
pub(crate) async fn site(arguments: &[String]) -> Result<(), Error> {
    let project = (0..APPS).fold(Project::new("site"), |project, app| project.app(app_of(app)));
    let database = std::env::var("BENCH_DB")?;
    let settings = Settings::new(format!("sqlite://{database}"));
    project.run(arguments.iter().cloned(), settings, &mut std::io::stdout()).await?;
    Ok(())
}

fn app_of(app: usize) -> App {
    let label: &'static str = ["a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9"][app];
    let models: Vec<ModelDef> = (0..MODELS).map(|model| first_model(label, app, model)).collect();
    let mut initial = Migration::new(label, "0001_initial");
    if app > 0 {
        initial = initial.after(format!("a{}", app - 1), "0001_initial");
    }
    let mut migrations = vec![models.iter().cloned().fold(initial, Migration::create_model)];
    let mut present = models;
    for number in 2..=MIGRATIONS {
        let field = Field::new(format!("f{number}"), Kind::Integer).null(true);
        let model = &mut present[number % MODELS];
        let migration = Migration::new(label, migration_name(number)).after(label, migration_name(number - 1));
        migrations.push(migration.add_field(model.name.clone(), field.clone()));
        model.fields.push(field);
    }
    App::new(label).models(present.into_iter().fold(Models::new(), Models::with_definition)).migrations(migrations)
}

fn migration_name(number: usize) -> String {
    if number == 1 { "0001_initial".to_owned() } else { format!("{number:04}_f{number}") }
}

/// A model as its app's first migration makes it: text, a number, and a key to the model before, or to one of the app
/// before.
fn first_model(label: &'static str, app: usize, model: usize) -> ModelDef {
    let definition = ModelDef::new(label, format!("M{model}"))
        .field(Field::new("id", Kind::BigAuto))
        .field(Field::new("name", Kind::Char { max_length: Some(100) }))
        .field(Field::new("size", Kind::Integer).index(true));
    let definition = match target(app, model) {
        Some((app, model)) => {
            let reference = Reference::new(format!("a{app}.M{model}"), OnDelete::Cascade).related_name("+");
            definition.field(Field::foreign_key("parent", reference).null(true))
        }
        None => definition,
    };
    definition.primary_key("id")
}

/// What the key of a model leads to.
fn target(app: usize, model: usize) -> Option<(usize, usize)> {
    match (app, model) {
        (0, 0) => None,
        (app, 0) => Some((app - 1, 0)),
        (app, model) => Some((app, model - 1)),
    }
}

/// The same apps for Django.
fn write_django(folder: &Path) -> Result<(), Error> {
    let apps: Vec<String> = (0..APPS).map(|app| format!("'a{app}'")).collect();
    let manage = format!(
        "import sys\nfrom django.conf import settings\nsettings.configure(INSTALLED_APPS=[{}], USE_TZ=True, SECRET_KEY='bench',\n    \
         DATABASES={{'default': {{'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'bench.db'}}}},\n    \
         DEFAULT_AUTO_FIELD='django.db.models.BigAutoField')\nfrom django.core.management import \
         execute_from_command_line\nexecute_from_command_line(sys.argv)\n",
        apps.join(", ")
    );
    fs::write(folder.join("manage.py"), manage)?;
    for app in 0..APPS {
        let home = folder.join(format!("a{app}"));
        fs::create_dir_all(home.join("migrations"))?;
        fs::write(home.join("__init__.py"), "")?;
        fs::write(home.join("migrations/__init__.py"), "")?;
        let mut models = String::from("from django.db import models\n");
        let mut initial =
            String::from("from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n");
        let parents = if app == 0 { String::new() } else { format!("('a{}', '0001_initial')", app - 1) };
        write!(initial, "    initial = True\n    dependencies = [{parents}]\n    operations = [\n")?;
        for model in 0..MODELS {
            let mut fields = vec![
                ("name".to_owned(), "models.CharField(max_length=100)".to_owned()),
                ("size".to_owned(), "models.IntegerField(db_index=True)".to_owned()),
            ];
            if let Some((to_app, to)) = target(app, model) {
                let key = format!("models.ForeignKey('a{to_app}.M{to}', models.CASCADE, null=True, related_name='+')");
                fields.push(("parent".to_owned(), key));
            }
            let key =
                "('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID'))";
            let listed: Vec<String> = fields.iter().map(|(name, field)| format!("('{name}', {field})")).collect();
            writeln!(initial, "        migrations.CreateModel('M{model}', [{key}, {}]),", listed.join(", "))?;
            for number in (2..=MIGRATIONS).filter(|number| number % MODELS == model) {
                fields.push((format!("f{number}"), "models.IntegerField(null=True)".to_owned()));
            }
            writeln!(models, "\n\nclass M{model}(models.Model):")?;
            for (name, field) in fields {
                writeln!(models, "    {name} = {field}")?;
            }
        }
        initial.push_str("    ]\n");
        fs::write(home.join("models.py"), models)?;
        fs::write(home.join("migrations/0001_initial.py"), initial)?;
        for number in 2..=MIGRATIONS {
            let (name, parent, model) = (migration_name(number), migration_name(number - 1), number % MODELS);
            let source = format!(
                "from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n    dependencies = \
                 [('a{app}', '{parent}')]\n    operations = [migrations.AddField('M{model}', 'f{number}', \
                 models.IntegerField(null=True))]\n"
            );
            fs::write(home.join(format!("migrations/{name}.py")), source)?;
        }
    }
    Ok(())
}
