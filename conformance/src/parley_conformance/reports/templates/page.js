(() => {
  "use strict";
  const root = document.documentElement;
  const $ = (selector, from = document) => from.querySelector(selector);
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  root.classList.add("scripted");

  // What is remembered is a comfort: a page opened from a file may have no place for it.
  const remember = {
    get: () => { try { return localStorage.getItem("parley-theme"); } catch { return null; } },
    set: (value) => { try { localStorage.setItem("parley-theme", value); } catch { /* not remembered */ } },
  };
  if (remember.get()) root.dataset.theme = remember.get();
  $("#theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    remember.set(root.dataset.theme);
  });

  const form = $("#filters");
  const search = form.elements.q;
  const cases = all(".case").map((element) => ({
    element,
    family: element.closest(".family").id.slice("family-".length),
    words: element.dataset.q.toLowerCase(),
    rules: new Set(element.dataset.rules.split(" ")),
    runs: all(".run", element).map((run) => ({
      element: run,
      words: `${$("summary", run).textContent} ${$(":scope > .reason", run)?.textContent ?? ""}`.toLowerCase(),
    })),
  }));
  const families = all(".family");

  function fits(run, one, wanted, words) {
    const set = run.element.dataset;
    return (!wanted.family || one.family === wanted.family)
      && (!wanted.kind || one.element.dataset.kind === wanted.kind)
      && (!wanted.level || one.element.dataset.level === wanted.level)
      && (!wanted.rule || one.rules.has(wanted.rule))
      && (!wanted.verdict || set.verdict === wanted.verdict)
      && (!wanted.axis || set.axis === wanted.axis)
      && (!wanted.content || set.content === wanted.content)
      && words.every((word) => one.words.includes(word) || run.words.includes(word));
  }

  function apply() {
    const wanted = Object.fromEntries(new FormData(form));
    const words = wanted.q.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    let planned = 0;
    for (const one of cases) {
      let here = 0;
      for (const run of one.runs) {
        const fit = fits(run, one, wanted, words);
        run.element.hidden = !fit;
        here += fit;
        planned += 1;
      }
      one.element.hidden = !here;
      shown += here;
    }
    for (const family of families) family.hidden = !$(".case:not([hidden])", family);
    $("#none").hidden = shown > 0;
    $("#shown").textContent = `${shown} of ${planned} runs`;
  }

  // One box that is long: typing must not wait for it.
  let due = 0;
  form.addEventListener("input", () => { cancelAnimationFrame(due); due = requestAnimationFrame(apply); });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-filter]");
    const button = event.target.closest(".copy");
    if (link) {
      form.reset();
      for (const [name, value] of new URLSearchParams(link.dataset.filter)) form.elements[name].value = value;
      apply();
    } else if (button) {
      copy(button);
    }
  });

  async function copy(button) {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
    } catch {
      // Without the clipboard's permission the command is selected, for Ctrl+C.
      getSelection().selectAllChildren(button.previousElementSibling);
      button.textContent = "Selected";
      return;
    }
    button.textContent = "Copied";
  }

  const openAll = $("#open-all");
  openAll.addEventListener("click", () => {
    const open = openAll.getAttribute("aria-pressed") !== "true";
    for (const run of all(".run:not([hidden])")) run.open = open;
    openAll.setAttribute("aria-pressed", String(open));
    openAll.textContent = open ? "Close all" : "Open all";
  });

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, select, textarea");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "Escape" && event.target === search) {
      search.value = "";
      apply();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && event.target.matches?.(".run > summary")) {
      const rows = all(".run:not([hidden]) > summary").filter((row) => row.checkVisibility?.() ?? true);
      const next = rows[rows.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1)];
      if (next) { event.preventDefault(); next.focus(); }
    }
  });

  // A diagram may be wider than the screen: what broke the rule is brought into it.
  document.addEventListener("toggle", (event) => {
    const box = event.target.matches(".run[open]") && $(".scroll", event.target);
    const bad = box && $(".msg.bad, .seen.bad", box);
    if (bad) {
      const [mark, seen] = [bad.getBoundingClientRect(), box.getBoundingClientRect()];
      box.scrollLeft += mark.left + mark.width / 2 - seen.left - seen.width / 2;
    }
  }, true);

  function reveal() {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let at = target; at; at = at.parentElement) {
      if (at.matches("details")) at.open = true;
      if (at.hidden) { form.reset(); apply(); }
    }
    target.scrollIntoView();
    if (target.matches(".run")) $("summary", target).focus({ preventScroll: true });
  }
  addEventListener("hashchange", reveal);
  apply();
  reveal();
})();
