// The settings page without a reload, so that passwords that were typed stay: what is wrong is put
// beside the fields, and the test's steps appear as they happen. All that is shown, the server has
// written; where a request fails, the browser sends the form as it would without this.
"use strict";

(() => {
  const form = document.getElementById("settings");
  const run = document.getElementById("run");
  const result = document.getElementById("result");

  // What the server's page says beside the fields, into this one; false where it is not this page.
  const show = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    for (const said of fresh.querySelectorAll("#said, .said")) {
      document.getElementById(said.id)?.replaceChildren(...said.childNodes);
    }
    for (const field of fresh.querySelectorAll("#settings [aria-describedby]")) {
      const here = document.getElementById(field.id);
      if (field.hasAttribute("aria-invalid")) here?.setAttribute("aria-invalid", "true");
      else here?.removeAttribute("aria-invalid");
    }
    const revision = fresh.getElementById("revision");
    if (revision === null) return false;
    document.getElementById("revision").value = revision.value;
    const wrong = form.querySelector("[aria-invalid]");
    (wrong?.tagName === "FIELDSET" ? wrong.querySelector("input") : wrong)?.focus();
    if (wrong === null) document.getElementById("said").scrollIntoView({block: "center"});
    return true;
  };

  // What another page of the server says is wrong, above the fields, where all stays as it is.
  const complain = (text) => {
    const message = document.createElement("div");
    message.className = "message error";
    message.setAttribute("role", "alert");
    message.append(...new DOMParser().parseFromString(text, "text/html").querySelectorAll("main p"));
    document.getElementById("said").replaceChildren(message);
    message.scrollIntoView({block: "center"});
  };

  const clear = () => {
    document.getElementById("said").replaceChildren();
    for (const one of form.querySelectorAll(".said .error")) one.remove();
    for (const one of form.querySelectorAll("[aria-invalid]")) one.removeAttribute("aria-invalid");
  };

  // Each line is a whole piece of HTML.
  const stream = async (answer) => {
    const lines = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let kept = "";
    for (;;) {
      const {done, value} = await lines.read();
      if (done) break;
      const whole = (kept + value).split("\n");
      kept = whole.pop();
      result.insertAdjacentHTML("beforeend", whole.join(""));
    }
    result.insertAdjacentHTML("beforeend", kept);
  };

  const send = async (button) => {
    const body = new URLSearchParams(new FormData(form));
    const headers = {"X-Piece": "1"};
    const answer = await fetch(button.formAction, {method: "POST", body, headers, redirect: "manual"});
    if (answer.type === "opaqueredirect") {
      location.assign("/settings");
    } else if (answer.ok) {
      clear();
      await stream(answer);
    } else {
      const text = await answer.text();
      if (show(text)) return;
      if (answer.status === 403) location.reload();  // the session is over
      else complain(text);
    }
  };

  form.addEventListener("submit", async (event) => {
    const button = event.submitter;
    if (button === null || form.dataset.plain) return;
    event.preventDefault();
    if (button.hasAttribute("aria-disabled")) return;  // it is under way
    if (button === run) result.replaceChildren();
    button.setAttribute("aria-disabled", "true");
    try {
      await send(button);
    } catch {
      form.dataset.plain = "1";
      form.requestSubmit(button);
    } finally {
      button.removeAttribute("aria-disabled");
    }
  });

  // Enter sends a test from its address, and updates from any other field.
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || event.target.tagName !== "INPUT") return;
    event.preventDefault();
    const update = document.querySelector("button[form=settings]");
    form.requestSubmit(event.target.id === "addresses" ? run : update);
  });
})();
