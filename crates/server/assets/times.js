// Shows every time in the reader's own zone; the server's text is in UTC and stays readable without this.
const language =
  navigator.languages.find((tag) => tag.toLowerCase().startsWith(document.documentElement.lang)) ??
  document.documentElement.lang;
const short = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const long = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });

function localise() {
  for (const time of document.querySelectorAll("time[datetime]:not([title])")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.valueOf())) continue;
    time.title = time.textContent;
    time.textContent = ("seconds" in time.dataset ? long : short).format(at);
  }
}

localise();
document.addEventListener("acquit:renewed", localise);
