// Light or dark: what the reader chose last, else what the system says. Runs before the page is drawn.
const root = document.documentElement;
try {
  root.style.colorScheme = localStorage.getItem("scheme") ?? "";
} catch {} // the reader lets no page remember anything

addEventListener("DOMContentLoaded", () => {
  document.querySelector(".scheme").addEventListener("click", () => {
    const dark = (root.style.colorScheme || (matchMedia("(prefers-color-scheme: dark)").matches && "dark")) === "dark";
    root.style.colorScheme = dark ? "light" : "dark";
    try {
      localStorage.setItem("scheme", root.style.colorScheme);
    } catch {}
  });

  // The course's list is always open where there is room for it.
  const list = document.querySelector(".side details");
  const wide = matchMedia("(min-width: 60rem)");
  const open = () => (list.open = wide.matches);
  wide.addEventListener("change", open);
  open();

  // A formula that is wider than the page is set smaller.
  const fit = () => {
    for (const formula of document.querySelectorAll(".formula math")) {
      formula.style.fontSize = "";
      const room = formula.parentElement.clientWidth / formula.getBoundingClientRect().width;
      if (room < 1) formula.style.fontSize = `${room * parseFloat(getComputedStyle(formula).fontSize)}px`;
    }
  };
  document.fonts.ready.then(fit);
  addEventListener("resize", fit);

  // Every picture of a figure with sliders is in the page; show the one that the sliders name.
  for (const figure of document.querySelectorAll(".frames")) {
    const inputs = [...figure.querySelectorAll("input")];
    const frames = [...figure.querySelectorAll(".frame")];
    const show = () => {
      let place = 0;
      for (const input of inputs) {
        place = place * (input.max - input.min + 1) + (input.value - input.min);
        input.nextElementSibling.value = input.value;
      }
      frames.forEach((frame, k) => (frame.hidden = k !== place));
    };
    figure.addEventListener("input", show);
    figure.addEventListener("pointerenter", () => figure.querySelectorAll("img").forEach((img) => (img.loading = "eager")));
    show(); // a browser may have kept the sliders' places
  }

  for (const figure of document.querySelectorAll(".compare")) {
    const input = figure.querySelector("input");
    const show = () => figure.style.setProperty("--at", `${input.value}%`);
    input.addEventListener("input", show);
    show();
  }
});
