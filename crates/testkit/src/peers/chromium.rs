//! Chromium, driven through `playwright-core` by the Node program `chromium.mjs`.

use std::{path::Path, sync::Arc};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout},
    sync::Mutex,
};

use super::{first_line, node};

struct Pipe {
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

/// A running browser. Clones drive the same one.
#[derive(Clone)]
pub struct Chromium(Arc<Mutex<Pipe>>);

/// One person's profile, with one page.
pub struct Person {
    chromium: Chromium,
    name: String,
}

/// How a person's browser is set up.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// Whether scripts run.
    pub javascript: bool,
    /// Width and height of the window, in CSS pixels.
    pub size: (u32, u32),
}

impl Default for Profile {
    fn default() -> Self {
        Self { javascript: true, size: (1280, 800) }
    }
}

impl Chromium {
    /// Starts it.
    ///
    /// # Panics
    /// It is not installed, or does not start.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts one that blocks the cookies of third parties.
    ///
    /// # Panics
    /// It is not installed, or does not start.
    pub async fn start_blocking() -> Self {
        Self::start_with(&["--block-third-party-cookies"]).await
    }

    async fn start_with(arguments: &[&str]) -> Self {
        assert!(Path::new("/usr/bin/chromium").exists(), "Chromium is missing: install the Debian package `chromium`");
        let mut child = node("chromium.mjs").args(arguments).spawn().expect("node");
        let input = child.stdin.take().unwrap();
        let (_, output) = first_line(&mut child).await.expect("Chromium starts");
        Self(Arc::new(Mutex::new(Pipe { input, output, _child: child })))
    }

    async fn ask(&self, request: Value) -> Value {
        let mut pipe = self.0.lock().await;
        pipe.input.write_all(format!("{request}\n").as_bytes()).await.unwrap();
        let line = pipe.output.next_line().await.unwrap().expect("the driver answers");
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert!(answer["error"].is_null(), "{}", answer["error"].as_str().unwrap_or_default());
        answer["answer"].clone()
    }

    /// A person with a fresh profile.
    pub async fn person(&self, name: &str, profile: Profile) -> Person {
        let (width, height) = profile.size;
        let javascript = profile.javascript;
        self.ask(json!({ "op": "person", "name": name, "javaScript": javascript, "width": width, "height": height }))
            .await;
        Person { chromium: self.clone(), name: name.to_owned() }
    }
}

impl Person {
    async fn ask(&self, mut request: Value) -> Value {
        request["name"] = Value::String(self.name.clone());
        self.chromium.ask(request).await
    }

    /// Types an address in; gives the address where that led to.
    pub async fn goto(&self, url: &str) -> String {
        let answer = self.ask(json!({ "op": "goto", "url": url })).await;
        answer["url"].as_str().unwrap_or_default().to_owned()
    }

    /// Fills a field in.
    pub async fn fill(&self, selector: &str, value: &str) {
        self.ask(json!({ "op": "fill", "selector": selector, "value": value })).await;
    }

    /// Clicks.
    pub async fn click(&self, selector: &str) {
        self.ask(json!({ "op": "click", "selector": selector })).await;
    }

    /// Waits until the page has such an element, and gives the page's address.
    pub async fn wait(&self, selector: &str) -> String {
        let answer = self.ask(json!({ "op": "wait", "selector": selector })).await;
        answer.as_str().unwrap_or_default().to_owned()
    }

    /// Presses the back button.
    pub async fn back(&self) -> String {
        self.ask(json!({ "op": "back" })).await.as_str().unwrap_or_default().to_owned()
    }

    /// The page's address.
    pub async fn url(&self) -> String {
        self.ask(json!({ "op": "url" })).await.as_str().unwrap_or_default().to_owned()
    }

    /// The page as it is now.
    pub async fn html(&self) -> String {
        self.ask(json!({ "op": "html" })).await.as_str().unwrap_or_default().to_owned()
    }

    /// The value of a script's expression.
    pub async fn eval(&self, expression: &str) -> Value {
        self.ask(json!({ "op": "eval", "expression": expression })).await
    }

    /// The cookies that would go to `url`.
    pub async fn cookies(&self, url: &str) -> Vec<Value> {
        self.ask(json!({ "op": "cookies", "url": url })).await.as_array().cloned().unwrap_or_default()
    }

    /// What scripts and policies complained of in the console since the last time.
    pub async fn problems(&self) -> Vec<Value> {
        self.ask(json!({ "op": "problems" })).await.as_array().cloned().unwrap_or_default()
    }

    /// What axe-core finds wrong with the page that is serious or worse.
    pub async fn barriers(&self) -> Vec<Value> {
        let found = self.ask(json!({ "op": "axe" })).await.as_array().cloned().unwrap_or_default();
        found
            .into_iter()
            .filter(|violation| matches!(violation["impact"].as_str(), Some("serious" | "critical")))
            .collect()
    }

    /// Pictures of the page on a phone and on a desktop, light and dark: `target/screenshots/<name>-phone-dark.png`. Each is
    /// held against axe-core too.
    ///
    /// # Panics
    /// axe-core finds a serious barrier.
    pub async fn pictures(&self, name: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/screenshots");
        for (device, width, height) in [("phone", 390, 844), ("desktop", 1280, 800)] {
            for scheme in ["light", "dark"] {
                self.ask(json!({ "op": "resize", "width": width, "height": height, "colorScheme": scheme })).await;
                let path = folder.join(format!("{name}-{device}-{scheme}.png"));
                self.ask(json!({ "op": "screenshot", "path": path })).await;
                let barriers = self.barriers().await;
                assert!(barriers.is_empty(), "{name}, {device}, {scheme}: {barriers:#?}");
            }
        }
    }

    /// Closes the profile.
    pub async fn leave(self) {
        self.ask(json!({ "op": "leave" })).await;
    }
}
