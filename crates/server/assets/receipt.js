// Renews the receipt while steps are pending: fetches the same address and puts its <main> in place of this one.
const FIRST_WAIT = 1500;
const LONGEST_WAIT = 30_000;
let wait = FIRST_WAIT;

const main = () => document.querySelector("main");
const pending = () => main().dataset.state === "in_progress";
const outcomes = (root) => [...root.querySelectorAll("[data-outcome]")].map((step) => step.dataset.outcome);

function swap(fresh) {
  const old = main();
  const before = outcomes(old);
  const open = new Set([...old.querySelectorAll("details[open]")].map((part) => part.dataset.key));
  const focused = document.activeElement?.closest("details")?.dataset.key;
  const printing = document.activeElement?.matches("[data-print]");
  const next = document.importNode(fresh, true);
  for (const part of next.querySelectorAll("details")) part.open = open.has(part.dataset.key);
  const changed = [...next.querySelectorAll("[data-outcome]")].filter((step, i) => step.dataset.outcome !== before[i]);
  for (const step of changed) step.dataset.changed = "";
  // The receipt's own stamp presses again only when it says something new.
  if (next.dataset.state === old.dataset.state) next.querySelector("[data-seal]").dataset.still = "";
  old.replaceWith(next);
  offerPrint();
  if (printing) next.querySelector("[data-print]").focus();
  if (focused) next.querySelector(`details[data-key="${CSS.escape(focused)}"] > summary`)?.focus();
  if (changed.length > 0) {
    document.querySelector("[data-live]").textContent = next.querySelector("[data-headline]").textContent;
    wait = FIRST_WAIT;
  }
  document.dispatchEvent(new Event("acquit:renewed"));
}

async function renew() {
  if (!document.hidden) {
    try {
      const answer = await fetch(location.href, { cache: "no-store", credentials: "same-origin" });
      // The key ran out or the receipt is gone: what is shown stays.
      if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) return;
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.querySelector('main[data-page="receipt"]');
        if (fresh) {
          if (fresh.outerHTML !== lastSeen) swap(fresh);
          lastSeen = fresh.outerHTML;
          document.title = page.title;
        }
      }
    } catch {
      // No network: try again below.
    }
  }
  again();
}

function again() {
  if (!pending()) return;
  setTimeout(renew, wait);
  wait = Math.min(wait * 1.3, LONGEST_WAIT);
}

function offerPrint() {
  const button = document.querySelector("[data-print]");
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

// On paper the evidence belongs to the receipt, also where the style sheet cannot open it.
window.addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll(".steps details")) part.open = true;
});

let lastSeen = main().outerHTML;
offerPrint();
again();
