//! `loaddata` of 100,000 objects, by Nuages and by Django, into an empty table; and what Nuages takes to write them.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use nuages::orm::fixture::{Dump, Load};

use crate::database::{Database, ROWS};
use crate::django;
use crate::measure::{memory_mib, report};
use raw_driver::Error;

pub(crate) async fn run() -> Result<(), Error> {
    let python = django::python()?;
    let file = std::env::temp_dir().join(format!("nuages-bench-{}.json", std::process::id()));
    for database in Database::both(ROWS).await? {
        let engine = database.engine();
        let db = database.connect().await?;
        let idle = memory_mib("VmRSS");
        let start = Instant::now();
        let written = Dump::new().of("bench").write(&db, &mut BufWriter::new(File::create(&file)?)).await?;
        println!("{engine}: {written} objects written in {:.2} s", start.elapsed().as_secs_f64());
        db.raw("DELETE FROM bench_item", ()).execute().await?;

        let start = Instant::now();
        let loaded = Load::new().file(&file).run(&db).await?;
        let ours = start.elapsed().as_secs_f64();
        println!("{engine}: {:.1} MiB more than idle at the peak", memory_mib("VmHWM") - idle);
        db.raw("DELETE FROM bench_item", ()).execute().await?;
        db.close().await;
        let django = django(&python, &database, &file)?;
        let rate = |seconds: f64| loaded.objects as f64 / seconds;
        report(&format!("{engine}: loaddata"), "obj/s", ("django", rate(django)), rate(ours), "10");

        let db = database.connect().await?;
        let rows: Vec<(i64,)> = db.raw("SELECT count(*) FROM bench_item", ()).fetch().await?;
        if rows != [(ROWS,)] {
            return Err(format!("Django loaded {rows:?} rows").into());
        }
        db.close().await;
        database.remove().await?;
    }
    std::fs::remove_file(file)?;
    Ok(())
}

/// The seconds that Django takes.
fn django(python: &Path, database: &Database, file: &Path) -> Result<f64, Error> {
    let mut command = Command::new(python);
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/django")).arg("bench_load.py").arg(file);
    match database {
        Database::Sqlite { path } => command.env("BENCH_DB", path),
        Database::Postgres { url, .. } => command.env("BENCH_PG", django::settings(url)?),
    };
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    said.trim().parse().map_err(|_| format!("bench_load.py: {}", String::from_utf8_lossy(&output.stderr)).into())
}
