// The tide gauge on the front page follows the event stream.
const gauge = document.getElementById("tide");
if (gauge) {
  const stream = new EventSource(gauge.dataset.events);
  stream.addEventListener("tide", (event) => { gauge.textContent = event.data; });
  stream.addEventListener("error", () => { gauge.textContent = "The gauge does not answer."; });
}
