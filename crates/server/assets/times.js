// Shows every time in the reader's own zone; the server's text is in UTC and stays readable without this.
const language =
  navigator.languages.find((tag) => tag.toLowerCase().startsWith(document.documentElement.lang)) ??
  document.documentElement.lang;
const short = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const long = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
const today = new Intl.DateTimeFormat(language, { timeStyle: "medium" });

function format(time, at) {
  if (!("seconds" in time.dataset)) return short;
  // Where the day is plain from around it, today's times go without one.
  return "brief" in time.dataset && at.toDateString() === new Date().toDateString() ? today : long;
}

function localise() {
  for (const time of document.querySelectorAll("time[datetime]:not([title])")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.valueOf())) continue;
    time.title = time.textContent;
    time.textContent = format(time, at).format(at);
  }
}

localise();
document.addEventListener("acquit:renewed", localise);
