// Before anything is drawn: the colours that were chosen last, else those of the system.
(function () {
  let chosen = "auto";
  try {
    chosen = localStorage.getItem("tauon-scheme") || "auto";
  } catch {
    // A browser that keeps nothing shows the system's colours.
  }
  const dark = chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
})();
