//! The way of a browser with scripts: through forms that post themselves, frames and hops.

use crate::{Browser, Page, browser::Load};

/// Goes on as a browser with scripts does: forms post themselves, refreshes and frames load, until a page that waits for a
/// person.
///
/// # Panics
/// It goes round in circles.
pub async fn ride(browser: &Browser, mut page: Page) -> Page {
    for _ in 0..20 {
        if posts_itself(&page) {
            let form = page.forms().remove(0);
            page = browser.submit(&page, form).await;
        } else if page.mark().as_deref() == Some("signing-out") {
            load_frames(browser, &page).await;
            let next = page.link("data-continue").expect("a way on");
            page = browser.click(&page, next.as_str()).await;
        } else {
            return page;
        }
    }
    panic!("round in circles: {page}");
}

/// Loads the frames of a page as a browser with scripts does: a form in a frame posts itself within that frame. Gives where
/// each frame ends.
///
/// # Panics
/// A frame goes round in circles.
pub async fn load_frames(browser: &Browser, page: &Page) -> Vec<Page> {
    let mut frames = browser.load_frames(page).await;
    for frame in &mut frames {
        for round in 0.. {
            if !posts_itself(frame) {
                break;
            }
            assert!(round < 5, "round in circles: {frame}");
            *frame = browser.load(Load::form(frame, &frame.forms().remove(0)).framed_in(&page.url)).await;
        }
    }
    frames
}

fn posts_itself(page: &Page) -> bool {
    page.tags("form").iter().any(|form| form.attributes.contains_key("data-form-post"))
}

/// Goes on in the same way, request by request, up to one that is not sent: `stop` knows it.
///
/// # Panics
/// The way ends before that.
pub async fn ride_up_to(browser: &Browser, mut load: Load, stop: impl Fn(&Load) -> bool) -> Load {
    for _ in 0..40 {
        if stop(&load) {
            return load;
        }
        let page = browser.step(&load).await.unwrap();
        load = if let Some(next) = page.location() {
            load.redirected(&page, next)
        } else if posts_itself(&page) {
            Load::form(&page, &page.forms().remove(0))
        } else {
            let next = page.link("data-continue").unwrap_or_else(|| panic!("the way ends: {page}"));
            Load::typed(next.as_str()).by(&page.url)
        };
    }
    panic!("round in circles: {}", load.url);
}
