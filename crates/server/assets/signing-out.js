// Runs in <head>, before the frames exist, so that no frame's load is missed ("load" does not bubble, but is captured).
// Reports which frames loaded and leaves as soon as all have, at the cap at the latest.
(() => {
  const loaded = new Set();
  let unreported = [];
  let leaving = false;
  let main;

  document.addEventListener(
    "load",
    ({ target }) => {
      if (!(target instanceof HTMLIFrameElement) || loaded.has(target)) return;
      loaded.add(target);
      unreported.push(target.dataset.frame);
      if (main) progress();
    },
    true,
  );

  function report() {
    if (unreported.length === 0) return Promise.resolve();
    const body = new URLSearchParams({ token: main.dataset.reportToken });
    for (const frame of unreported) body.append("frame", frame);
    unreported = [];
    return fetch(main.dataset.reportTo, { method: "POST", body, keepalive: true }).catch(() => {});
  }

  function leave() {
    if (leaving) return;
    leaving = true;
    const go = () => location.replace(document.querySelector("a[data-continue]").href);
    // The report outlives the page; waiting for its answer, briefly, lets the next page know what it said.
    Promise.race([report(), new Promise((done) => setTimeout(done, 250))]).then(go);
  }

  function progress() {
    for (const frame of loaded) {
      const line = document.querySelector(`[data-frame-line="${CSS.escape(frame.dataset.frame)}"]`);
      if (line) line.dataset.loaded = "";
    }
    if (loaded.size >= document.querySelectorAll("iframe[data-frame]").length) leave();
    else report();
  }

  document.addEventListener("DOMContentLoaded", () => {
    main = document.querySelector("main");
    // Counted from the page's first byte, so that a slow parse does not make the person wait longer.
    const [navigation] = performance.getEntriesByType("navigation");
    const spent = navigation ? performance.now() - navigation.responseStart : 0;
    setTimeout(leave, Math.max(0, Number(main.dataset.capMs) - spent));
    progress();
  });
  addEventListener("pagehide", () => {
    if (main) report();
  });
})();
