//! A database that was restored from a backup has forgotten sign-outs. `acquit restored` makes whatever was issued before worthless,
//! also what the backup never knew.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use acquit_testkit::{Browser, Engine, Registration, Setup, TestApp, TestRp, acquit::Program, postgres::Postgres};
use http::Method;
use serde_json::{Value, json};

use crate::{
    routes::{LONG, Routes},
    world::until,
};

/// Where the state is, with the one backup that is made of it.
enum Kept {
    File(PathBuf),
    Database(Arc<Postgres>, String),
}

impl Kept {
    /// While nothing runs: `back` restores.
    fn copy(&self, back: bool) {
        match self {
            Self::File(folder) => {
                let backup = folder.join("backup");
                fs::create_dir_all(&backup).unwrap();
                let (from, to) = if back { (&backup, folder) } else { (folder, &backup) };
                let of_store = |folder: &PathBuf| {
                    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
                    let is = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("acquit.db");
                    files.filter(is).collect::<Vec<_>>()
                };
                of_store(to).iter().for_each(|file| fs::remove_file(file).unwrap());
                for file in of_store(from) {
                    fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
                }
            }
            Self::Database(server, name) => {
                let backup = format!("{name}_backup");
                let (from, to) = if back { (&backup, name) } else { (name, &backup) };
                server.sql("postgres", &format!("DROP DATABASE IF EXISTS {to}")).unwrap();
                server.sql("postgres", &format!("CREATE DATABASE {to} TEMPLATE {from}")).unwrap();
            }
        }
    }
}

struct World {
    app: TestApp<Program>,
    payroll: TestRp,
    routes: Routes,
    kept: Kept,
}

impl World {
    async fn start(engine: Engine) -> Self {
        let routes = Routes::start().await;
        let payroll = Registration::new("payroll").start().await;
        let mut setup = Setup::on(engine).with("[[users]]\nusername = \"backup\"\nservice = true\n\n");
        let mut database = None;
        if engine == Engine::Postgres {
            let server = tokio::task::spawn_blocking(Postgres::shared).await.unwrap().unwrap();
            let url = server.database().unwrap();
            setup = setup.store(&url);
            database = Some(Kept::Database(server, url.rsplit('/').next().unwrap().to_owned()));
        }
        let app = setup.with(&routes.configuration("everyone = true")).program(&[&payroll]).await;
        let kept = database.unwrap_or_else(|| Kept::File(app.runs.folder().to_owned()));
        Self { app, payroll, routes, kept }
    }

    async fn stop(&self) {
        self.app.runs.terminate();
        self.app.runs.ended(Duration::from_secs(60)).await;
    }

    /// Signs somebody in; the copy of their cookie at a route.
    async fn cookie(&self, username: &str) -> String {
        let browser = Browser::new();
        self.app.enter(&browser, &self.payroll, username).await;
        let page = browser.open(&self.routes.at("grafana", "/dash")).await;
        assert_eq!(page.status, 200, "{page}");
        self.routes.cookie(&browser, "grafana")
    }

    async fn end_all(&self) {
        for session in self.app.live_sessions().await {
            let path = format!("/api/v1/sessions/{}", session["id"].as_str().unwrap());
            let (status, body) = self.app.api(Method::DELETE, &path, None).await;
            assert!(status < 300, "{status} {body}");
        }
    }

    /// What a program with this token is answered.
    async fn program(&self, token: &str) -> String {
        let head =
            format!("GET / HTTP/1.1\r\nHost: HOST\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n");
        self.routes.ask("grafana", &head).await.1[9..12].to_owned()
    }

    /// What the copies of two cookies and a program's token are answered.
    async fn statuses(&self, cookies: [&str; 2], token: &str) -> [String; 3] {
        [
            self.routes.status("grafana", cookies[0]).await,
            self.routes.status("grafana", cookies[1]).await,
            self.program(token).await,
        ]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_issued_before_a_restored_backup_is_worthless_after_the_command_and_not_without_it() {
    for engine in Engine::BOTH {
        let what = format!("{engine:?}");
        let world = World::start(engine).await;
        let known = world.cookie("alice").await;
        let order = json!({ "user": "backup", "route": world.routes.at("grafana", ""), "name": "nightly" });
        let (status, program) = world.app.api(Method::POST, "/api/v1/programs", Some(&order)).await;
        assert_eq!(status, 201, "{what}: {program}");
        let token = program["token"].as_str().unwrap();
        world.stop().await;
        world.kept.copy(false);
        world.app.runs.launch(&[]).await;
        let unknown = world.cookie("bob").await;
        world.end_all().await;
        let cookies = [known.as_str(), unknown.as_str()];
        assert_eq!(world.statuses(cookies, token).await, ["401"; 3], "{what}: signed out");
        world.stop().await;
        world.kept.copy(true);

        world.app.runs.launch(&[]).await;
        assert_eq!(world.statuses(cookies, token).await, ["200"; 3], "{what}: a backup knows of no sign-out after it");
        let lives = world.app.live_sessions().await;
        assert_eq!(lives.len(), 2, "{what}: {lives:#?}");
        world.stop().await;
        let said = world.app.runs.command(&["restored", "--yes", "--json"]);
        let said: Value = serde_json::from_slice(&said.stdout).unwrap_or_else(|_| panic!("{what}: {said:?}"));
        assert_eq!(said["sessions"], 2, "{what}: {said:#}");
        world.app.runs.launch(&[]).await;
        assert_eq!(world.statuses(cookies, token).await, ["401"; 3], "{what}");
        until(LONG, "the sessions that the backup knew of are ended", async || {
            world.app.live_sessions().await.is_empty().then_some(())
        })
        .await;
        until(LONG, "the application that the backup knew of is told", async || {
            let receipts = world.app.receipts().await;
            let steps = receipts.iter().flat_map(|receipt| receipt["steps"].as_array().cloned().unwrap_or_default());
            let told = |step: &Value| step["party"] == "payroll" && step["outcome"] == "confirmed";
            steps.into_iter().find(told)
        })
        .await;
        // Whoever signs in from now on is let in, and what ends from now on ends.
        let fresh = world.cookie("bob").await;
        assert_eq!(world.routes.status("grafana", &fresh).await, "200", "{what}");
        world.end_all().await;
        assert_eq!(world.routes.status("grafana", &fresh).await, "401", "{what}");
    }
}
