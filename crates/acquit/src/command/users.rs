//! `acquit users`: the people who sign in with a password and are not in the configuration file.

use acquit_core::{
    UserId,
    plan::{By, Scope},
};
use acquit_server::password;
use acquit_store::user::User;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{CommandError, Global, confirm, password::read_new, workshop::Workshop, workshop::random_bytes};
use crate::{
    config::{
        diagnostic::quoted,
        environment::Environment,
        users::{check_username, is_email},
    },
    output::{Ink, Output, clean, count, table::Table, table::cell},
};

/// Add, change and list the people who sign in with a password
///
/// Users of the configuration file belong to that file and are changed there. Whoever is disabled, removed or gets
/// another password is signed out everywhere, and every application is told.
#[derive(Debug, Args)]
pub struct Users {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Add a user; the password is asked for, or read from standard input
    #[command(after_help = "\
Examples:
  acquit users add alice --email alice@example.com --group ops
  pass show acquit/alice | acquit users add alice")]
    Add(Add),
    /// Change a user's password; their sessions end and the applications are told
    #[command(after_help = "\
Examples:
  acquit users passwd alice
  openssl rand -base64 24 | tee alice.txt | acquit users passwd alice")]
    Passwd(One),
    /// List all users
    #[command(after_help = "\
Examples:
  acquit users list
  acquit users list --json | jq -r '.data[] | select(.disabled) | .username'")]
    List,
    /// Keep a user out; their sessions end and the applications are told
    #[command(after_help = "Example:\n  acquit users disable alice")]
    Disable(One),
    /// Let a disabled user in again
    #[command(after_help = "Example:\n  acquit users enable alice")]
    Enable(One),
    /// Delete a user; their sessions end, the applications are told, and what is known of them is wiped
    #[command(after_help = "Example:\n  acquit users remove alice --yes")]
    Remove(Remove),
}

#[derive(Debug, Args)]
struct Add {
    /// What they type to sign in
    username: String,
    /// Their e-mail address
    #[arg(long)]
    email: Option<String>,
    /// Their name, shown to people
    #[arg(long)]
    name: Option<String>,
    /// A group that they are in; may be given several times
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
}

#[derive(Debug, Args)]
struct One {
    /// Their username or id
    user: String,
}

#[derive(Debug, Args)]
struct Remove {
    /// Their username or id
    user: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

#[derive(Serialize)]
struct UserBody {
    id: String,
    username: String,
    email: Option<String>,
    name: Option<String>,
    groups: Vec<String>,
    disabled: bool,
    from_file: bool,
    created_at: acquit_core::Timestamp,
}

#[derive(Serialize)]
struct Changed {
    user: UserBody,
    change: &'static str,
    /// The logout that followed, if one did, and how many sessions it ended.
    logout: Option<String>,
    sessions: usize,
}

impl Users {
    /// Does it.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn run(self, global: &Global, environment: &Environment, output: &Output) -> Result<u8, CommandError> {
        let shop = Workshop::open(global, environment).await?;
        match self.verb {
            Verb::Add(add) => add.run(&shop, output).await,
            Verb::List => list(&shop, output).await,
            Verb::Passwd(one) => {
                let user = own(&shop, &one.user).await?;
                let hash = password::hash_now(read_new(&user.username)?.expose()).map_err(failed)?;
                shop.store.set_password_hash(&user.id, &hash, shop.now()).await?;
                end_all_of(&shop, user, "password changed", Some("the password was changed"), output).await
            }
            Verb::Disable(one) => {
                let user = own(&shop, &one.user).await?;
                shop.store.set_disabled(&user.id, true, shop.now()).await?;
                let user = User { disabled: true, ..user };
                end_all_of(&shop, user, "disabled", Some("the user was disabled"), output).await
            }
            Verb::Enable(one) => {
                let user = own(&shop, &one.user).await?;
                shop.store.set_disabled(&user.id, false, shop.now()).await?;
                end_all_of(&shop, User { disabled: false, ..user }, "enabled", None, output).await
            }
            Verb::Remove(remove) => {
                let user = own(&shop, &remove.user).await?;
                confirm::ask(&format!("this deletes the user {}", clean(&user.username)), remove.yes)?;
                shop.store.delete_user(&user.id, shop.now()).await?;
                end_all_of(&shop, user, "removed", Some("the user was removed"), output).await
            }
        }
    }
}

impl Add {
    async fn run(self, shop: &Workshop, output: &Output) -> Result<u8, CommandError> {
        check_username(&self.username).map_err(|error| CommandError::Usage(error.to_owned()))?;
        if let Some(email) = self.email.as_deref().filter(|email| !is_email(email)) {
            return Err(CommandError::Usage(format!("{} is no e-mail address", quoted(email))));
        }
        let taken = || CommandError::Failed(format!("there is a user {} already", quoted(&self.username)));
        // Those of the file come into the store only when the server starts.
        let in_file = shop.settings.users.iter().any(|user| user.username == self.username);
        if in_file || shop.store.user_by_username(&self.username).await?.is_some() {
            return Err(taken());
        }
        let hash = password::hash_now(read_new(&self.username)?.expose()).map_err(failed)?;
        let user = User {
            id: UserId::from_random(random_bytes()?),
            username: self.username.clone(),
            email_verified: self.email.is_some(),
            email: self.email.clone(),
            name: self.name.clone(),
            password_hash: Some(hash),
            groups: self.groups.clone(),
            disabled: false,
            from_file: false,
            epoch: 0,
            version: 0,
            created_at: shop.now(),
            origin: None,
        };
        shop.store.put_user(user.clone()).await?.map_err(|_| taken())?;
        report(Changed { user: body(user), change: "added", logout: None, sessions: 0 }, output)
    }
}

async fn list(shop: &Workshop, output: &Output) -> Result<u8, CommandError> {
    let mut users = Vec::new();
    let mut after = None;
    loop {
        let page = shop.store.users(after.as_deref(), 500).await?;
        users.extend(page.data.into_iter().map(body));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    output.say(&serde_json::json!({ "data": users }), |_| {
        let mut table = Table::new(&["username", "name", "e-mail", "groups", "state", "kept in"]);
        for user in users {
            let state = if user.disabled { ("disabled".to_owned(), Some(Ink::Bad)) } else { cell("active") };
            table.row([
                cell(user.username),
                cell(user.name.unwrap_or_default()),
                cell(user.email.unwrap_or_default()),
                cell(user.groups.join(", ")),
                state,
                cell(if user.from_file { "the file" } else { "the store" }),
            ]);
        }
        table.show(output, "there are no users yet; `acquit users add` makes one")
    })?;
    Ok(0)
}

/// The user of this name, if the command line may change them.
async fn own(shop: &Workshop, name: &str) -> Result<User, CommandError> {
    let in_file = shop.settings.users.iter().any(|user| user.username == name);
    let user = if in_file { None } else { Some(shop.user(name).await?) };
    user.filter(|user| !user.from_file).ok_or_else(|| {
        CommandError::Usage(format!("{} belongs to the configuration file: change that and restart", quoted(name)))
    })
}

/// Ends all that is left of a user, if there is a reason to, and says what happened.
async fn end_all_of(
    shop: &Workshop,
    user: User,
    change: &'static str,
    reason: Option<&str>,
    output: &Output,
) -> Result<u8, CommandError> {
    let mut changed = Changed { user: body(user.clone()), change, logout: None, sessions: 0 };
    if let Some(reason) = reason {
        let done =
            shop.log_out(Scope::User(user.id.clone()), By::Administrator, Some(reason)).await.map_err(|error| {
                // Dead they are, by the user's epoch; but the applications must hear of it.
                let name = clean(&user.username);
                CommandError::Failed(format!(
                    "{name} is {change}, but the applications were not told: {error}; a running server makes up for it"
                ))
            })?;
        changed.sessions = done.ended.len();
        changed.logout = Some(done.logout.to_string());
    }
    report(changed, output)
}

fn report(changed: Changed, output: &Output) -> Result<u8, CommandError> {
    output.say(&changed, |changed| {
        let mut text = format!("{}: {}", clean(&changed.user.username), changed.change);
        if let Some(logout) = changed.logout.as_ref().filter(|_| changed.sessions > 0) {
            let sessions = count(changed.sessions, "session");
            text.push_str(&format!("; ended {sessions}, see `acquit logouts show {logout}`"));
        }
        text
    })?;
    Ok(0)
}

fn body(user: User) -> UserBody {
    UserBody {
        id: user.id.to_string(),
        username: user.username,
        email: user.email,
        name: user.name,
        groups: user.groups,
        disabled: user.disabled,
        from_file: user.from_file,
        created_at: user.created_at,
    }
}

fn failed(error: password::PasswordError) -> CommandError {
    CommandError::Failed(error.to_string())
}
