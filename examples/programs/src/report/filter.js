// The latest days are at the right end of the chart.
for (const wide of document.querySelectorAll(".wide")) wide.scrollLeft = wide.scrollWidth;
const form = document.getElementById("filter");
if (form) {
    const items = [...document.querySelectorAll("#mentions > li")];
    const shown = document.getElementById("shown");
    const apply = () => {
        const words = form.words.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
        let count = 0;
        for (const item of items) {
            const text = item.textContent.toLowerCase();
            const fits = words.every((word) => text.includes(word))
                && ["source", "sentiment", "alert"].every((name) => !form[name].value || item.dataset[name] === form[name].value);
            item.hidden = !fits;
            count += fits ? 1 : 0;
        }
        shown.textContent = count + " of " + items.length + " shown";
    };
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
    apply();
}
