// Filters the page, and reports to the page around it what is wrong.
addEventListener("load", () => {
    const problems = [];
    const form = document.getElementById("filter");
    form.sentiment.value = "negative";
    form.dispatchEvent(new Event("input"));
    const root = document.documentElement;
    if (root.scrollWidth > root.clientWidth) problems.push("wider than the window");
    for (const control of form.elements) if (!control.labels.length) problems.push("no label: " + control.name);
    const numbers = (color) => color.match(/[\d.]+/g).slice(0, 3).map((it) => it / 255);
    const luminance = (color) => {
        const [red, green, blue] = numbers(color).map((it) => (it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4));
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const ground = luminance(getComputedStyle(document.body).backgroundColor);
    const contrast = (color) => {
        const both = [luminance(color), ground].sort((one, other) => other - one);
        return (both[0] + 0.05) / (both[1] + 0.05);
    };
    for (const text of document.querySelectorAll("h1, header p, summary, .legend, a, .about, .about span, #shown, svg text, th, td")) {
        const style = getComputedStyle(text);
        const color = text.namespaceURI.endsWith("svg") ? style.fill : style.color;
        if (contrast(color) < 4.5) problems.push("faint: " + text.className + " " + color);
    }
    for (const bar of document.querySelectorAll("rect")) {
        if (contrast(getComputedStyle(bar).fill) < 3) problems.push("faint: " + bar.getAttribute("class"));
    }
    const isDark = ground < 0.2;
    const shown = document.getElementById("shown").textContent;
    problems.unshift((isDark ? "dark" : "light") + " " + innerWidth + ": " + shown);
    parent.postMessage([...new Set(problems)].join("; "), "*");
});
