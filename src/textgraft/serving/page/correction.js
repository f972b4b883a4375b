// The form by which a person gives a text the right label.

import { post } from "./api.js";
import { button, isBusy, make, setBusy } from "./dom.js";

const MAX_CHOICES = 12;

// Radio buttons or, of many labels, a list; checkboxes for sets. Returns the element and a function for the answer.
function chooser(model, prediction) {
  if (model.answer === "labels") {
    const boxes = model.labels.map((label) => make("input", { type: "checkbox", checked: prediction.labels.includes(label) }));
    const rows = model.labels.map((label, index) => make("label", { className: "check" }, boxes[index], String(label)));
    const element = make("fieldset", {}, make("legend", { textContent: "Right labels" }), make("div", { className: "choices" }, ...rows));
    return { element, chosen: () => model.labels.filter((_, index) => boxes[index].checked) };
  }
  const others = model.labels.filter((label) => label !== prediction.label);
  if (others.length > MAX_CHOICES) {
    const options = others.map((label, index) => make("option", { value: String(index), textContent: String(label) }));
    const select = make("select", { id: "right-label", required: true }, make("option", { value: "", textContent: "Choose …" }), ...options);
    const element = make("div", {}, make("label", { htmlFor: "right-label", textContent: "Right label" }), select);
    return { element, chosen: () => others[Number(select.value)] };
  }
  const buttons = others.map((_, index) => make("input", { type: "radio", name: "right-label", required: true, checked: others.length === 1 && index === 0 }));
  const rows = others.map((label, index) => make("label", { className: "check" }, buttons[index], String(label)));
  const element = make("fieldset", {}, make("legend", { textContent: "Right label" }), make("div", { className: "choices" }, ...rows));
  return { element, chosen: () => others[buttons.findIndex((option) => option.checked)] };
}

// The form; `onEnd` gets a message when the correction is saved, or an empty one when it is cancelled.
export function correctionForm(model, text, prediction, onEnd) {
  const { element, chosen } = chooser(model, prediction);
  const save = make("button", { className: "primary", textContent: "Save the correction" });
  const error = make("p", { className: "error", attributes: { role: "alert" } });
  const form = make("form", { className: "card" }, element,
    make("p", { className: "hint", textContent: "The text and its label are saved on the server, for training." }),
    make("div", { className: "row" }, save, button("Cancel", () => onEnd(""))), error);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (isBusy(save)) return;
    setBusy(save, true);
    error.textContent = "";
    try {
      await post("corrections", { model: model.name, text, label: chosen() });
      onEnd("The correction is saved.");
    } catch (failure) {
      error.textContent = failure.message;
      setBusy(save, false);
    }
  });
  return form;
}
