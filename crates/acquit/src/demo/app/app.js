// Asks, again and again, for the part of the page that changes, and shows it when it has changed. A session that ended
// elsewhere is gone from the screen within a second, with what it had shown.
(() => {
  const main = document.querySelector("main[data-state]");
  let shown = main.innerHTML.trim();

  async function look() {
    try {
      const answer = await fetch("/state", { cache: "no-store" });
      if (!answer.ok) return;
      const fresh = document.createElement("main");
      fresh.innerHTML = (await answer.text()).trim();
      const html = fresh.innerHTML.trim();
      if (html === shown) return;
      shown = html;
      main.replaceChildren(...fresh.childNodes);
    } catch {
      // The app is not there; what is shown stays.
    }
  }

  async function follow() {
    await look();
    setTimeout(follow, 700);
  }

  follow();
  // Back from the browser's memory of pages.
  addEventListener("pageshow", look);
})();
