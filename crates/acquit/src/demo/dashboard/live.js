// Shows what the stream says, for as long as somebody lets it go on. A stream that is cut because of a sign-out stays cut.
(() => {
  const main = document.querySelector("main[data-live]");
  const [heading, why, count] = ["heading", "why", "count"].map((name) => main.querySelector(`[data-${name}]`));
  const again = main.querySelector("[data-again]");
  const [out, person] = ["out", "person"].map((name) => main.querySelector(`[data-${name}]`));

  function show(state, said, because) {
    if (main.dataset.live === state) return;
    main.dataset.live = state;
    heading.className = state === "live" ? "status in" : "status out";
    heading.textContent = said;
    why.textContent = because;
    again.hidden = state !== "cut";
    out.hidden = person.hidden = state === "cut";
  }

  function open() {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/live`);
    socket.onmessage = (event) => {
      show("live", "Live", "A WebSocket brings a new number each second.");
      count.textContent = event.data;
    };
    socket.onclose = (event) => {
      if (event.code === 1008) {
        count.textContent = "–";
        show("cut", `Cut off: ${event.reason}`, "Acquit’s gateway closed this page’s WebSocket and refuses its cookie. Nothing more comes through.");
      } else {
        show("lost", "Not connected", "The stream is not there. It is tried again.");
        setTimeout(open, 2000);
      }
    };
  }

  open();
  // From the browser's memory of pages: what is shown there may be over.
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
})();
