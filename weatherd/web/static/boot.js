// Runs before the first paint: marks the document as scripted, and applies the chosen theme without a flash.
{
  const root = document.documentElement;
  root.classList.add("js");
  const wall = new URLSearchParams(location.search).get("wall");
  let theme = null;
  try {
    theme = localStorage.getItem("weatherd.theme");
  } catch {} // a browser may forbid it
  if (wall !== null) theme = wall === "light" ? "light" : "dark";
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
}
