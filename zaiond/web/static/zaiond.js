// What is live: <main data-live="5"> is fetched again every five seconds and replaced where it has
// changed. Not while nobody looks, nor while somebody is in one of its forms or has changed something
// there. No sentence stands here: what a page says, the server has written.
"use strict";

(() => {
  const main = () => document.querySelector("main");

  // Of a select that names no default, the first option is it.
  const isOtherChoice = (option) => {
    const options = [...option.closest("select").options];
    const first = options.find((one) => one.defaultSelected) ?? options[0];
    return option.selected !== (option === first);
  };

  const isInUse = () => {
    const active = document.activeElement;
    const selected = document.getSelection();
    const changed = [...main().querySelectorAll("input, textarea, option")].some((one) =>
      one.tagName === "OPTION" ? isOtherChoice(one)
        : one.value !== one.defaultValue || one.checked !== (one.defaultChecked ?? one.checked));
    return changed
      || (active && active.closest("main form") !== null)
      || (selected && !selected.isCollapsed && main().contains(selected.anchorNode));
  };

  const replace = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html").querySelector("main");
    const now = main();
    if (fresh === null || fresh.innerHTML === now.dataset.seen) return;
    const focused = document.activeElement;
    const path = now.contains(focused) && focused.id ? focused.id : null;
    const open = new Set([...now.querySelectorAll("details[open][id]")].map((one) => one.id));
    const seen = fresh.innerHTML;
    now.replaceChildren(...fresh.childNodes);
    now.dataset.seen = seen;
    if (fresh.dataset.live) now.dataset.live = fresh.dataset.live;
    else delete now.dataset.live;
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (path !== null) document.getElementById(path)?.focus({preventScroll: true});
  };

  const look = async () => {
    const seconds = Number(main().dataset.live);
    if (!seconds) return;
    if (!document.hidden && !isInUse()) {
      try {
        const answer = await fetch(location.href, {headers: {"X-Live": "1"}, redirect: "manual"});
        if (answer.type === "opaqueredirect") {  // the session is over
          location.reload();
          return;
        }
        const text = await answer.text();
        if (!isInUse()) replace(text);
      } catch {
        // Not reached: again at the next turn.
      }
    }
    setTimeout(look, seconds * 1000);
  };

  if (main().dataset.live) {
    main().dataset.seen = main().innerHTML;
    setTimeout(look, Number(main().dataset.live) * 1000);
  }
})();
