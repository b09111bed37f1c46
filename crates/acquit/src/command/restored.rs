//! `acquit restored`: after a backup was restored, whatever was issued before is worthless.

use acquit_core::Timestamp;
use clap::Args;
use serde::Serialize;

use super::{CommandError, Global, confirm, workshop::Workshop};
use crate::{
    config::environment::Environment,
    output::{Output, count},
};

/// Say that the database was restored from a backup: whatever was issued before is worthless then
///
/// A backup knows nothing of what came after it: sessions that ended since would live again, and cookies at routes with them. So every
/// session, refresh token and program's token from before this command is over, whether this database knows it or not. Everybody
/// signs in again, and the applications in sessions that the backup knows are told.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  acquit restored --yes

Stop every server and every node that is only a gateway, restore, run this, and start them again.
What was changed since the backup is as it was then: passwords, disabled users, registered
applications, keys. Do that again, and rotate the keys if they were rotated for a reason.")]
pub struct Restored {
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

#[derive(Serialize)]
struct Outdated {
    worthless_until: Timestamp,
    users: u64,
    sessions: u64,
}

impl Restored {
    /// Does it.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn run(self, global: &Global, environment: &Environment, output: &Output) -> Result<u8, CommandError> {
        let shop = Workshop::open(global, environment).await?;
        confirm::ask("this signs everybody out, and every program", self.yes)?;
        let now = shop.now();
        let done = shop.store.outdate_everything(now).await?;
        let outdated = Outdated { worthless_until: now, users: done.users, sessions: done.sessions };
        output.say(&outdated, |outdated| {
            let (sessions, users) = (outdated.sessions.try_into(), outdated.users.try_into());
            format!(
                "whatever was issued until {} is worthless: {} of {} that the backup knew, and all that it did not know\n\
                 the applications are told when a server runs",
                outdated.worthless_until,
                count(sessions.unwrap_or(usize::MAX), "session"),
                count(users.unwrap_or(usize::MAX), "user"),
            )
        })?;
        Ok(0)
    }
}
